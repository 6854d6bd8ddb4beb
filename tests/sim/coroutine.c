/* Coroutines on ucontext. Sanitizers are told of each switch, else they would take the other stack
 * for a wild address, or for another thread's. */
#include "coroutine.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "planlift/arena.h"

/* GCC says it with macros, clang with features. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#elif __has_feature(thread_sanitizer)
#define HAS_TSAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN
#endif

#ifdef HAS_ASAN
#include <sanitizer/common_interface_defs.h>

/* What a killed process held is never freed, by design. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

#define STACK_BYTES ((size_t)512 * 1024)

#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct sim_coroutine {
    ucontext_t context;
    ucontext_t caller;
    void *stack;
    void (*body)(void *self);
    void *self;
    void *own_shadow;         /* ASan's, while it is left */
    void *caller_shadow;      /* ASan's, while it runs */
    const void *caller_stack; /* as ASan tells it */
    size_t caller_size;
    void *own_fiber, *caller_fiber; /* TSan's */
};

/* Before leaving one stack for another: where to keep what is known of this one. */
static void leave(void **shadow, const void *stack, size_t size)
{
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(shadow, stack, size);
#else
    (void)shadow, (void)stack, (void)size;
#endif
}

static void arrive(void *shadow, const void **ret_stack, size_t *ret_size)
{
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(shadow, ret_stack, ret_size);
#else
    (void)shadow, (void)ret_stack, (void)ret_size;
#endif
}

/* Right before the switch itself: TSan is told of it. */
static void switch_fiber(void *fiber)
{
#ifdef HAS_TSAN
    __tsan_switch_to_fiber(fiber, 0);
#else
    (void)fiber;
#endif
}

/* makecontext hands over ints only: the pointer comes in two. */
static void start(unsigned high, unsigned low)
{
    union {
        unsigned halves[2];
        struct sim_coroutine *coroutine;
    } handle = {{high, low}};
    struct sim_coroutine *coroutine = handle.coroutine;

    arrive(NULL, &coroutine->caller_stack, &coroutine->caller_size);
    coroutine->body(coroutine->self);
    leave(NULL, coroutine->caller_stack, coroutine->caller_size); /* for good */
    switch_fiber(coroutine->caller_fiber);
    (void)swapcontext(&coroutine->context, &coroutine->caller); /* does not come back */
}

static void *new_stack(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *stack = NULL;

    /* The lowest page is a guard: an overflow ends the program where it happens. */
    if (posix_memalign(&stack, page, STACK_BYTES) != 0 || mprotect(stack, page, PROT_NONE) != 0) {
        pl_out_of_memory(STACK_BYTES);
    }
    return stack;
}

struct sim_coroutine *sim_coroutine_new(void (*body)(void *self), void *self)
{
    struct sim_coroutine *coroutine = calloc(1, sizeof(*coroutine));
    union {
        struct sim_coroutine *coroutine;
        unsigned halves[2];
    } handle = {coroutine};

    _Static_assert(sizeof(handle.halves) == sizeof(void *), "a pointer is two ints");
    if (coroutine == NULL || getcontext(&coroutine->context) != 0) {
        pl_out_of_memory(sizeof(*coroutine));
    }
#ifdef HAS_TSAN
    coroutine->own_fiber = __tsan_create_fiber(0);
#endif
    coroutine->body = body;
    coroutine->self = self;
    coroutine->stack = new_stack();
    coroutine->context.uc_stack.ss_sp = coroutine->stack;
    coroutine->context.uc_stack.ss_size = STACK_BYTES;
    coroutine->context.uc_link = NULL;
    makecontext(&coroutine->context, (void (*)(void))start, 2, handle.halves[0], handle.halves[1]);
    return coroutine;
}

void sim_coroutine_resume(struct sim_coroutine *coroutine)
{
    leave(&coroutine->caller_shadow, coroutine->stack, STACK_BYTES);
#ifdef HAS_TSAN
    coroutine->caller_fiber = __tsan_get_current_fiber();
#endif
    switch_fiber(coroutine->own_fiber);
    (void)swapcontext(&coroutine->caller, &coroutine->context); /* fails only without memory */
    arrive(coroutine->caller_shadow, NULL, NULL);
}

void sim_coroutine_pause(struct sim_coroutine *coroutine)
{
    leave(&coroutine->own_shadow, coroutine->caller_stack, coroutine->caller_size);
    switch_fiber(coroutine->caller_fiber);
    (void)swapcontext(&coroutine->context, &coroutine->caller);
    arrive(coroutine->own_shadow, &coroutine->caller_stack, &coroutine->caller_size);
}
