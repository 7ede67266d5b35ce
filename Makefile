# make            the binary ./roamlab and the service that runs inside the containers
# make check      all tests (the README's second command runs this after installing what is missing)
# make bench      performance figures beside their limits
# CC=clang, SANITIZE=1 (ASan + UBSan, separate build folder) and BUILD=DIR change the build.
CC ?= gcc
BUILD ?= build/$(if $(SANITIZE),sanitize,plain)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror $(CFLAGS) -MMD -MP \
	$(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
comma := ,
PACKAGES = libnl-route-3.0 libnetfilter_queue libmnl libcurl json-c sqlite3 libzstd libpcap libcrypto
LIBS = $(shell pkg-config --libs $(PACKAGES)) -lm -lpthread
SYSTEM_INCLUDES := $(shell pkg-config --cflags $(PACKAGES))

# Each room and the rooms whose headers it may see: an include against the arrows does not compile.
base     = emulator/base
engine   = $(base) emulator/engine
wire     = $(base) emulator/wire
actors   = $(wire) emulator/actors
logrepo  = $(base) emulator/logrepo
docker   = $(engine) emulator/docker
transfer = $(engine) emulator/transfer
netem    = $(engine) netem
host     = $(netem) emulator/host
service  = $(wire) emulator/service
ports    = $(actors) $(logrepo) $(docker) $(transfer) $(host) emulator/ports
world    = $(ports) emulator/world
analysis = $(world) analysis
commands = $(analysis) emulator/commands
main     = $(commands)

ROOMS = base engine wire actors logrepo docker transfer host ports world commands
SOURCES = $(foreach r,$(ROOMS),$(wildcard emulator/$(r)/*.c)) $(wildcard netem/*.c analysis/*.c)
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
includes = $(addprefix -I,$(sort $($(1))))
room = $(notdir $(patsubst %/,%,$(dir $(1))))

all: roamlab roamlab-service

roamlab roamlab-service: %: $(BUILD)/%
	cp -f $< $@

$(BUILD)/roamlab: $(BUILD)/emulator/main.o $(OBJECTS)
	$(CC) $(ALL_CFLAGS) $^ -o $@ $(LIBS)

$(BUILD)/emulator/main.o: emulator/main.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call includes,main) $(SYSTEM_INCLUDES) -c $< -o $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call includes,$(call room,$<)) $(SYSTEM_INCLUDES) -c $< -o $@

# The figures' templates are part of the program.
$(BUILD)/analysis/figure_parts.o: $(wildcard analysis/figures/*.gp)

# The service is one static program, without sanitizers: its memory is what CRIU dumps.
$(BUILD)/roamlab-service: $(wildcard emulator/service/*.c emulator/wire/offload.c emulator/wire/statechain.c emulator/wire/testdata.c emulator/base/*.c)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -static $(call includes,service) $^ -o $@ -lm

# tests/NAME_test.c and tests/NAME_fuzz.c see every room; each test links with all objects.
TESTS = $(patsubst tests/%.c,%,$(wildcard tests/*_test.c))
$(BUILD)/tests/%: tests/%.c $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(call includes,main) $(SYSTEM_INCLUDES) -Itests $< $(OBJECTS) -o $@ $(LIBS) -lcmocka

tests: $(TESTS:%=$(BUILD)/tests/%)

check: all
	tests/run

clean:
	rm -rf build roamlab

.PHONY: all tests check clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
