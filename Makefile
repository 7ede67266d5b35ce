# make            ./roamlab, and ./roamlab-service, the program that runs inside the containers
# make tests      the test programs            make fuzz    the fuzzers (clang)
# make check      builds and runs all of them (tools/test installs what is missing first)
# make install    into PREFIX (/usr/local), below DESTDIR; make uninstall takes it away again
# make man        the manual pages
# make paper      runs what quotes papers' figures and prints them side by side (tools/paper)
# CC=clang, SANITIZE=1 (ASan and UBSan), V=1 (show commands), BUILD=DIR change the build.
ifeq ($(origin CC),default)
CC = gcc
endif
BUILD ?= build/$(if $(SANITIZE),sanitize,plain)
CFLAGS ?= -O2 -g
comma := ,
STRICT = -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror
SANITIZERS = -fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_CFLAGS = $(STRICT) $(CFLAGS) -MMD -MP $(if $(SANITIZE),$(SANITIZERS)) $(if $(FUZZ),-fsanitize=fuzzer-no-link)
PACKAGES = libnl-route-3.0 libnetfilter_queue libmnl libcurl json-c sqlite3 libzstd libpcap libssl libcrypto expat zlib libcrypt libnfs libmicrohttpd
SYSTEM_INCLUDES := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm -lpthread
QUIET = $(findstring s,$(firstword -$(MAKEFLAGS)))
Q = $(if $(V),,$(if $(QUIET),@,@echo "  $(@:$(BUILD)/%=%)";))

# Each room and the rooms whose headers it may see: an include against the arrows does not compile.
base     = emulator/base
engine   = $(base) emulator/engine
wire     = $(base) emulator/wire
actors   = $(wire) emulator/actors
mobility = $(base) emulator/mobility
logrepo  = $(base) emulator/logrepo
runc     = $(base) emulator/runc
docker   = $(engine) $(runc) emulator/docker
transfer = $(engine) emulator/transfer
netem    = $(engine) netem
host     = $(netem) emulator/host
service  = $(wire) emulator/service
ports    = $(actors) $(logrepo) $(docker) $(transfer) $(host) emulator/ports
world    = $(ports) $(mobility) emulator/world
analysis = $(world) analysis
commands = $(analysis) emulator/commands
emulator = $(commands)
tests    = $(commands) tests

ROOMS = base engine wire actors mobility logrepo docker transfer host ports world commands
SOURCES = $(foreach r,$(ROOMS),$(wildcard emulator/$(r)/*.c)) $(wildcard netem/*.c analysis/*.c)
LIBRARY = $(BUILD)/libroamlab.a
includes = $(addprefix -I,$(sort $($(1)))) $(SYSTEM_INCLUDES)
room = $(notdir $(patsubst %/,%,$(dir $(1))))

all: roamlab roamlab-service

roamlab roamlab-service: %: $(BUILD)/%
	@cp -f $< $@

$(BUILD)/roamlab: $(BUILD)/emulator/main.o $(LIBRARY)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(LDFLAGS) $(LIBS)

$(LIBRARY): $(SOURCES:%.c=$(BUILD)/%.o)
	@rm -f $@; ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(call includes,$(call room,$<)) -c $< -o $@

# The figures' templates, the report's page and the texts of explain are part of the program.
$(BUILD)/analysis/figure_parts.o: $(wildcard analysis/figures/*.gp)
$(BUILD)/analysis/report.o: $(wildcard analysis/report/*)
$(BUILD)/emulator/commands/explain_main.o: emulator/base/event_kind.h scenarios/README.md

# So is the runc in front of an Engine's own: static, never with sanitizers, for a user waits while it starts.
RUNC_SOURCES = emulator/runc/main.c emulator/base/mem.c
$(BUILD)/roamlab-runc: $(RUNC_SOURCES) emulator/runc/runc.h emulator/base/mem.h
	@mkdir -p $(@D)
	$(Q)gcc $(STRICT) -O2 -static $(call includes,runc) $(RUNC_SOURCES) -o $@ -s
$(BUILD)/emulator/docker/root.o: $(BUILD)/roamlab-runc
$(BUILD)/emulator/docker/root.o: ALL_CFLAGS += -Wa,-I$(BUILD)

# One static program, never with sanitizers: its memory is what CRIU dumps.
SERVICE_SOURCES = $(wildcard emulator/service/*.c emulator/base/*.c) $(addprefix emulator/wire/,canary.c offload.c statechain.c testdata.c)
$(BUILD)/roamlab-service: $(SERVICE_SOURCES)
	@mkdir -p $(@D)
	$(Q)gcc $(STRICT) -O2 -static $(call includes,service) $^ -o $@ -lm

# tests/NAME_test.c and tests/NAME_fuzz.c see every room.
TESTS = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/*_test.c))
FUZZERS = $(patsubst tests/%.c,build/fuzz/tests/%,$(wildcard tests/*_fuzz.c))

tests: $(TESTS) $(BUILD)/roamlab-service

$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(LIBRARY)
	$(Q)$(CC) $(ALL_CFLAGS) $^ -o $@ $(LIBS) -lcmocka

fuzz:
	@$(MAKE) --no-print-directory CC=clang SANITIZE=1 FUZZ=1 BUILD=build/fuzz $(FUZZERS)

$(BUILD)/tests/%_fuzz: $(BUILD)/tests/%_fuzz.o $(LIBRARY)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $^ -o $@ $(LIBS)

# Byeon21's Table 1; REAL=MB plays the images up to that size for real, too, as root.
byeon21: all
	tools/byeon21 $(if $(REAL),--real $(REAL))

check: all
	tests/run

# The manual pages are what --help says; without help2man there are none.
man: roamlab
	tools/man ./roamlab build/man

paper: all
	tools/paper

PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
INSTALLED = $(DESTDIR)$(PREFIX)/bin/roamlab $(DESTDIR)$(PREFIX)/bin/roamlab-service $(SHARE)/roamlab $(SHARE)/doc/roamlab \
 $(SHARE)/bash-completion/completions/roamlab $(SHARE)/man/man1/roamlab.1 $(SHARE)/man/man1/roamlab-*.1

install: all $(if $(shell command -v help2man),man)
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/roamlab/scenarios $(SHARE)/roamlab/tools $(SHARE)/doc/roamlab \
	  $(SHARE)/bash-completion/completions $(SHARE)/man/man1
	install roamlab roamlab-service $(DESTDIR)$(PREFIX)/bin
	install -m 644 scenarios/* $(SHARE)/roamlab/scenarios
	install tools/setup tools/fetch-criu $(SHARE)/roamlab/tools
	install -m 644 tools/wireshark/roamlab.lua $(SHARE)/roamlab
	install -m 644 README.md $(wildcard docs/*.md docs/*.png) $(SHARE)/doc/roamlab
	install -m 644 tools/completion.bash $(SHARE)/bash-completion/completions/roamlab
	$(if $(shell command -v help2man),install -m 644 build/man/*.1 $(SHARE)/man/man1)

uninstall:
	rm -rf $(INSTALLED)

clean:
	rm -rf build roamlab roamlab-service

.PHONY: all tests fuzz byeon21 check man paper install uninstall clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
