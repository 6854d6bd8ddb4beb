/* What a piece of code writes to standard error, and how it ends, seen from outside: it runs in a
 * child process. */
#ifndef PL_TESTS_BASE_CHILD_H
#define PL_TESTS_BASE_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A sanitizer's malloc ends the program by itself where the system's says no. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MALLOC_MAY_FAIL 0
#else
#define MALLOC_MAY_FAIL 1
#endif

struct child {
    int exit_status; /* -1: it did not end by itself */
    int end_signal;  /* but by this signal */
    char text[16384];
    size_t len;
};

/* Ends with 0 if run returns. */
static inline struct child run_in_child(void (*run)(const void *argument), const void *argument)
{
    struct child child = {.exit_status = -1};
    int ends[2];
    int status = 0;
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(ends[1], STDERR_FILENO); /* a failure shows as missing text */
        run(argument);
        _exit(0);
    }
    (void)close(ends[1]);
    while ((got = read(ends[0], child.text + child.len, sizeof(child.text) - 1 - child.len)) > 0) {
        child.len += (size_t)got;
    }
    (void)close(ends[0]);
    child.text[child.len] = '\0';
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        child.exit_status = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
        child.end_signal = WTERMSIG(status);
    }
    return child;
}

#endif
