/* C11 threads told as POSIX threads, for the thread sanitizer's build alone.
 *
 * GCC 12's thread sanitizer does not know the C library's own thrd_create: librdkafka, which uses
 * it, crashes the process. A program's symbols come before a library's, so these take its place,
 * and the sanitizer sees every thread, lock and hand-over of librdkafka. In glibc the C11 types
 * have the size and meaning of the POSIX ones that they are cast to. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mtx_t is a pthread_mutex_t");
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a cnd_t is a pthread_cond_t");

struct start {
    thrd_start_t run;
    void *argument;
};

static void *run(void *memory)
{
    struct start start = *(struct start *)memory;

    free(memory);
    return (void *)(intptr_t)start.run(start.argument);
}

static int result(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static pthread_mutex_t *posix_mutex(mtx_t *mutex)
{
    return (pthread_mutex_t *)(void *)mutex;
}

static pthread_cond_t *posix_condition(cnd_t *condition)
{
    return (pthread_cond_t *)(void *)condition;
}

/* NOLINTBEGIN(readability-identifier-naming): all names are the C library's. */

int thrd_create(thrd_t *thr, thrd_start_t func, void *arg)
{
    struct start *start = malloc(sizeof(*start));

    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct start){func, arg};
    return result(pthread_create(thr, NULL, run, start));
}

int thrd_join(thrd_t thr, int *res)
{
    void *status = NULL;
    int error = pthread_join(thr, &status);

    if (error == 0 && res != NULL) {
        *res = (int)(intptr_t)status;
    }
    return result(error);
}

int thrd_detach(thrd_t thr)
{
    return result(pthread_detach(thr));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int kind = (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL;
    int error;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, kind);
    error = pthread_mutex_init(posix_mutex(mutex), &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return result(error);
}

int mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock(posix_mutex(mutex)));
}

int mtx_trylock(mtx_t *mutex)
{
    return result(pthread_mutex_trylock(posix_mutex(mutex)));
}

int mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock(posix_mutex(mutex)));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy(posix_mutex(mutex));
}

int cnd_init(cnd_t *cond)
{
    return result(pthread_cond_init(posix_condition(cond), NULL));
}

int cnd_signal(cnd_t *cond)
{
    return result(pthread_cond_signal(posix_condition(cond)));
}

int cnd_broadcast(cnd_t *cond)
{
    return result(pthread_cond_broadcast(posix_condition(cond)));
}

int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return result(pthread_cond_wait(posix_condition(cond), posix_mutex(mutex)));
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *time_point)
{
    return result(pthread_cond_timedwait(posix_condition(cond), posix_mutex(mutex), time_point));
}

void cnd_destroy(cnd_t *cond)
{
    (void)pthread_cond_destroy(posix_condition(cond));
}

/* NOLINTEND(readability-identifier-naming) */
