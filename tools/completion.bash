# Completion for bash. Commands, options and the words that they take are read from --help, so that they always agree with the program.

# $1: a pattern of the words wanted; they stand at the beginning of indented lines of the help.
_roamlab_words() {
    sed -n "s/^  \($1\)  *.*/\1/p"
}

_roamlab() {
    local program=$1 word=$2 before=$3 command=${COMP_WORDS[1]} help words=
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "$("$program" --help | _roamlab_words '[a-z]*') --help --version" -- "$word"))
        return
    fi
    help=$("$program" "$command" --help 2>/dev/null)
    if [[ $word == -* ]]; then
        words="--help $(grep -oE -- '--[a-z]+(-[a-z]+)*' <<<"$help" | sort -u)"
    elif [[ $before == --* ]]; then
        words=$(sed -n "s/^  $before \([a-z0-9-]*|[a-z0-9|-]*\) .*/\1/p" <<<"$help" | tr '|' ' ')
    elif [ "$COMP_CWORD" = 2 ]; then
        words=$(_roamlab_words '[a-z][a-z0-9-]*' <<<"$help")
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    [[ $word == -* || $before == --* && -n $words ]] || COMPREPLY+=($(compgen -f -- "$word"))
}

complete -o filenames -F _roamlab roamlab
