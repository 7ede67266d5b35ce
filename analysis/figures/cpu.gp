# What programs use of one CPU while a container is transferred: a block of cpu.dat each.
# Set above: figure_title, figure_note, curves, title_1 …, transfers (begin and end of each, blank-separated).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "Time since the transfer began (s)"
set ylabel "CPU use (%)"
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 2.5 height 0.5
set yrange [0:*]
set autoscale xfix
set offsets 0, 0, graph 0.06, 0
do for [i = 1:words(transfers) / 2] {
    set object i rectangle from word(transfers, 2 * i - 1) + 0, graph 0 to word(transfers, 2 * i) + 0, graph 1 \
        behind fillcolor rgb "#F3EEDC" fillstyle solid noborder
}
colour(i) = word("#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9 #000000 #999999", int(i))
mark(i) = int(word("7 5 9 13 11 15 6 4", int(i)))
draw = "plot for [i = 1:curves] 'cpu.dat' index i - 1 using 1:2 with linespoints pointtype mark(i) pointsize 0.4 " . \
    "linewidth 1.4 linecolor rgb colour(i) title value(sprintf('title_%d', i))"
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "cpu.svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "cpu.png"
@draw
set output
