/* Unit tests of pipeline/catalogue.c: which catalogue may go on from what another one decided. */
#include "recovery.h"

/* The catalogue that decides from now on: the test's own, under another version or changed. */
static void use_catalogue(struct fixture *fixture, const char *version, bool is_changed)
{
    static const char old_version[] = "{'version':'test-1'";
    struct pl_bytes text =
        pl_arena_format(&fixture->arena, "{'version':'%s'%s%s", version, is_changed ? " " : "",
                        TEST_CATALOGUE + sizeof(old_version) - 1);

    pl_catalogue_free(fixture->own_parts.catalogue);
    if (pl_catalogue_parse("other", quoted(text.data, &fixture->arena), &fixture->error,
                           &fixture->own_parts.catalogue) != PL_OK) {
        fail_msg("%s", fixture->error.text);
    }
    fixture->options.catalogue = fixture->own_parts.catalogue;
}

/* State that version test-1 decided, and a process with another catalogue in its place. */
static void decide_by_both(struct fixture *fixture, const char *version, bool is_changed)
{
    take_in_a_customer(fixture);
    use_catalogue(fixture, version, is_changed);
}

static void assert_said(struct fixture *fixture, struct pl_bytes text)
{
    assert_non_null(
        strstr(fixture->error.text,
               pl_arena_format(&fixture->arena, "%.*s", (int)text.len, text.data).data));
}

static void assert_refused(struct fixture *fixture)
{
    struct pl_bytes ours = pl_catalogue_sha256(fixture->options.catalogue);
    int64_t offset;
    struct pl_progress theirs = last_progress(fixture, PARTITION, &offset);

    assert_recovery_fails(fixture, PL_FATAL, "version test-1 has another content");
    assert_true(fixture->run.is_misconfigured);
    assert_non_null(strstr(fixture->error.text, "give the changed catalogue a new version"));
    assert_non_null(strstr(fixture->error.text, "that decided state/"));
    assert_int_equal(theirs.catalogue_sha256.len, 64);
    assert_said(fixture, ours);
    assert_said(fixture, theirs.catalogue_sha256);
    assert_int_equal(fixture->process.calls[PL_FAKE_BEGIN], 0);
}

static void the_same_catalogue_goes_on(void **state)
{
    struct fixture *fixture = *state;

    decide_by_both(fixture, "test-1", false);
    recover(fixture);
    assert_false(fixture->run.is_misconfigured);
}

static void the_same_version_with_other_content_is_refused(void **state)
{
    struct fixture *fixture = *state;

    decide_by_both(fixture, "test-1", true);
    assert_refused(fixture);
}

/* Before anything is touched, where the cache would have to be made anew. */
static void it_is_refused_without_a_cache(void **state)
{
    struct fixture *fixture = *state;

    decide_by_both(fixture, "test-1", true);
    pl_fake_map_clear(hash(fixture));
    assert_refused(fixture);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_DROP], 0);
    assert_int_equal(fixture->process.calls[PL_FAKE_CACHE_UPDATE], 0);
}

static void the_service_ends_by_it(void **state)
{
    struct fixture *fixture = *state;

    decide_by_both(fixture, "test-1", true);
    assert_int_equal(pl_pipeline_run(&fixture->options, &fixture->error), PL_BAD_DATA);
}

/* At once, so that its content can be held against the next start whether or not it decided. */
static void another_version_goes_on_and_is_recorded(void **state)
{
    struct fixture *fixture = *state;
    int64_t offset;

    decide_by_both(fixture, "test-2", true);
    recover(fixture);
    assert_bytes(last_progress(fixture, PARTITION, &offset).catalogue_version,
                 PL_BYTES_LITERAL("test-2"));
    assert_bytes(last_progress(fixture, PARTITION, &offset).catalogue_sha256,
                 pl_catalogue_sha256(fixture->options.catalogue));
}

/* The last one counts, whatever was before it: one may go back to an older version. */
static void only_the_newest_record_counts(void **state)
{
    struct fixture *fixture = *state;

    decide_by_both(fixture, "test-2", false);
    run_to_the_end(fixture);
    restart_process(fixture);
    use_catalogue(fixture, "test-1", true);
    pl_fake_map_clear(hash(fixture)); /* so that all of the log is read */
    recover(fixture);
}

/* A state of format version 1 does not say by which content it was decided. */
static void what_does_not_say_is_gone_on_from(void **state)
{
    struct fixture *fixture = *state;
    struct pl_progress progress = {.catalogue_version = PL_BYTES_LITERAL("test-1"),
                                   .catalogue_sha256 = PL_BYTES_LITERAL("")};
    struct pl_decided_by decided_by;

    open_run(fixture);
    pl_decided_by_note(&fixture->run, &progress, &decided_by);
    assert_false(decided_by.is_other_version);
    assert_int_equal(pl_decided_by_check(&fixture->run, PARTITION, &decided_by, &fixture->error),
                     PL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_same_catalogue_goes_on),
        WITH_FIXTURE(the_same_version_with_other_content_is_refused),
        WITH_FIXTURE(it_is_refused_without_a_cache),
        WITH_FIXTURE(the_service_ends_by_it),
        WITH_FIXTURE(another_version_goes_on_and_is_recorded),
        WITH_FIXTURE(only_the_newest_record_counts),
        WITH_FIXTURE(what_does_not_say_is_gone_on_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
