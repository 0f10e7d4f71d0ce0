# The plain C rooms and their tests, built into build/$(VARIANT) and run. The Makefile calls this once per variant:
#   make -f tools/c.mk run VARIANT=asan
VARIANT ?= c
B := build/$(VARIANT)

comma := ,
FLAGS_c        := -O2 -g
FLAGS_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan     := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
FLAGS_s390x    := -O2 -g
FLAGS_m32      := -O2 -g
FLAGS_m32ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined
FLAGS_coverage := -O0 -g --coverage -fprofile-update=atomic
FLAGS_fuzz     := $(subst fsanitize=,fsanitize=fuzzer-no-link$(comma),$(FLAGS_asan))

# The kernel's headers lie where those of 64 bit do: the package that links them elsewhere excludes all cross compilers.
TARGET_m32      = -m32 -Wno-psabi -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
TARGET_m32ubsan = $(TARGET_m32)

STRICT := -std=c11 -Wall -Wextra -Wconversion -Werror -Icsrc $(TARGET_$(VARIANT))
FLAGS  := -std=c11 -Wall -Wextra $(if $(filter 1,$(PCAPFRAME_WERROR)),-Werror) -pthread -Icsrc -Itests/c -Itests/fuzz $(FLAGS_$(VARIANT)) $(TARGET_$(VARIANT)) $(CFLAGS)
LINK    = $(CC) $(FLAGS) $(1) $(filter-out tools/c.mk,$^) -o $@ -lm

PLAIN   := $(filter-out csrc/binding/% csrc/libpcap/%,$(wildcard csrc/*/*.c))
HEADERS := $(filter-out csrc/binding/% csrc/libpcap/%,$(wildcard csrc/*/*.h))
ROOMS   := $(PLAIN:%.c=$(B)/obj/%.o)
# tests/c/*.c that are not test_*.c are what the tests share.
SHARED  := $(patsubst %.c,$(B)/obj/%.o,$(filter-out tests/c/test_%,$(wildcard tests/c/*.c)))
TESTS   := $(patsubst tests/c/%.c,$(B)/%,$(wildcard tests/c/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
# What knows the form of an input; and what stands in for libFuzzer where that is not linked.
MUTATORS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %_plain.c,$(wildcard tests/fuzz/mutate*.c)))
PLAINLY  := $(B)/obj/tests/fuzz/onefile.o $(B)/obj/tests/fuzz/mutate_plain.o

run: $(TESTS) $(FUZZERS)
	@sh tools/run_c.sh replay $^

fuzz: $(FUZZERS)
	@sh tools/run_c.sh fuzz $^

strict:
	$(CC) $(STRICT) -fsyntax-only $(PLAIN)
	@echo "each header by itself"; $(CC) -std=c11 -Icsrc $(TARGET_$(VARIANT)) -w -fsyntax-only -x c $(HEADERS)

$(B)/test_mutate: $(MUTATORS) $(B)/obj/tests/fuzz/mutate_plain.o
$(TESTS): $(B)/%: $(B)/obj/tests/c/%.o $(SHARED) $(ROOMS)
	@echo "ld  $@"; $(call LINK)

ifeq ($(VARIANT),fuzz)
$(FUZZERS): $(B)/%: $(B)/obj/tests/fuzz/%.o $(MUTATORS) $(ROOMS)
	@echo "ld  $@"; $(call LINK,-fsanitize=fuzzer)
else
$(FUZZERS): $(B)/%: $(B)/obj/tests/fuzz/%.o $(MUTATORS) $(PLAINLY) $(ROOMS)
	@echo "ld  $@"; $(call LINK)
endif

$(B)/obj/%.o: %.c tools/c.mk
	@mkdir -p $(@D); echo "cc  $@"
	@$(CC) $(FLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(B)/obj/*/*/*.d)
.PHONY: run fuzz strict
.SECONDARY:
