/* Preloaded into a process: the question CPUID is answered as another processor would answer it.
 *
 * Linux lets a process trap CPUID where the hardware can (arch_prctl, ARCH_SET_CPUID). Numerical
 * libraries choose their code by the answers; no instruction that is not there is ever used, since
 * the processors played offer a part of what this one does. BOOK_PROCESSOR names them: "older", an
 * Intel of 2013 with its smaller caches, or "amd", one of 2019. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { EAX, EBX, ECX, EDX };
static int amd;

static void without_avx512(unsigned leaf, unsigned part, unsigned *found) {
    if (leaf != 7) return;
    if (part) memset(found, 0, 4 * sizeof *found); /* bfloat16 and other later additions */
    found[EBX] &= ~0xDC230000u;
    found[ECX] &= ~0x00005F42u;
    found[EDX] &= ~0x03C0010Cu;
}

static void like_older(unsigned leaf, unsigned part, unsigned *found) {
    static const unsigned ways[] = {8, 8, 8, 16}, sets[] = {64, 64, 512, 8192}; /* of 64 bytes */
    if (leaf == 1) found[EAX] = 0x000306C3;
    if (leaf != 4 || part > 3) return;
    found[EBX] = (ways[part] - 1) << 22 | 63;
    found[ECX] = sets[part] - 1;
}

static void like_amd(unsigned leaf, unsigned part, unsigned *found) {
    if (leaf == 0) memcpy(&found[EBX], "Auth", 4), memcpy(&found[EDX], "enti", 4), memcpy(&found[ECX], "cAMD", 4);
    if (leaf == 1) found[EAX] = 0x00870F10;
    if (leaf == 0x80000000u) found[EAX] = 0x8000001E;
    if (leaf == 0x80000001u) found[ECX] |= 1u << 22; /* caches are told by leaf 0x8000001D */
    if (leaf == 0x8000001Du) __cpuid_count(4, part, found[EAX], found[EBX], found[ECX], found[EDX]);
    if (leaf == 0x8000001Eu) memset(found, 0, 4 * sizeof *found);
}

static void answer(int signal_number, siginfo_t *information, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (memcmp((void *)registers[REG_RIP], "\x0f\xa2", 2)) { /* a real fault: die of it */
        signal(signal_number, SIG_DFL);
        return;
    }
    unsigned leaf = registers[REG_RAX], part = registers[REG_RCX], found[4];
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    __cpuid_count(leaf, part, found[EAX], found[EBX], found[ECX], found[EDX]);
    without_avx512(leaf, part, found);
    (amd ? like_amd : like_older)(leaf, part, found);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
    registers[REG_RAX] = found[EAX];
    registers[REG_RBX] = found[EBX];
    registers[REG_RCX] = found[ECX];
    registers[REG_RDX] = found[EDX];
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("BOOK_PROCESSOR");
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (!name) return;
    amd = !strcmp(name, "amd");
    if (sigaction(SIGSEGV, &action, NULL) || syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) _exit(77);
}
