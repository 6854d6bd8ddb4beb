/* `planlift dlq replay`. */
#include <inttypes.h>

#include "cli/dlq/dlq.h"
#include "cli/dlq/letter.h"
#include "cli/show.h"
#include "cli/text.h"
#include "wire/json_write.h"

#define COMMAND "planlift dlq replay"
#define WINDOW 500 /* sent before it is waited for that they are stored */
#define FLUSH_TIMEOUT_MS 30000

struct given {
    struct pl_session_given session;
    struct pl_letter_given letters;
    bool is_all;
    bool is_dry;
    bool is_json;
    char **places;
    size_t place_count;
};

/* ---- the command line ------------------------------------------------------------------------ */

static const char about[] =
    "Puts dead letters back into the topic they came from: key and value byte for byte, the\n"
    "headers without planlift's own, in the partition of their key (the one they came from, where\n"
    "the key does not say). Chosen by place, by --topic, --code, --customer and --since, or "
    "--all;\n"
    "those that are there when it starts. The dead letters themselves stay where they are.\n"
    "\n"
    "Look at them first, and mend the cause, or they come back as new dead letters. Who replays\n"
    "the same ones twice sends them twice: a request is still answered once, unless the customer\n"
    "has had 64 other requests answered since; a fact counts as often as it is sent.";

static int check(const struct given *given)
{
    const struct pl_letter_given *letters = &given->letters;
    bool has_choice = letters->topic != NULL || letters->code != NULL ||
                      letters->customer != NULL || letters->since != NULL;

    if (given->place_count > 0 && (has_choice || given->is_all)) {
        return pl_options_wrong(COMMAND, "places and other choices exclude each other", "");
    }
    if (has_choice && given->is_all) {
        return pl_options_wrong(COMMAND, "--all and other choices exclude each other", "");
    }
    if (given->place_count == 0 && !has_choice && !given->is_all) {
        return pl_options_wrong(COMMAND, "which? Wants places, a choice, or --all", "");
    }
    return PL_GO_ON;
}

static int parse(int argc, char **argv, struct given *given)
{
    const struct pl_option options[] = {
        PL_LETTER_OPTIONS(&given->letters),
        {.letter = 'a', .name = "all", .meaning = "all dead letters", .is_given = &given->is_all},
        {.letter = 'n',
         .name = "dry-run",
         .meaning = "only say what would be put back",
         .is_given = &given->is_dry},
        {.letter = 'j',
         .name = "json",
         .meaning = "one JSON object a line: from where to where",
         .is_given = &given->is_json},
        PL_SESSION_OPTIONS(&given->session)};
    const struct pl_usage usage = {
        .command = COMMAND,
        .operands = "[OPTIONS] [TOPIC/PARTITION/OFFSET...]",
        .about = about,
        .options = options,
        .option_count = PL_COUNT(options),
        .examples = "  planlift dlq replay upgrade-requests.dlq/3/17\n"
                    "  planlift dlq replay --code unknown_schema --since 2h --dry-run",
        .exit_codes = "0 all are put back, 1 some are not, 2 wrong use or configuration"};
    int operand;
    int code = pl_options_parse(&usage, argc, argv, &operand);

    if (code != PL_GO_ON) {
        return code;
    }
    given->places = argv + operand;
    given->place_count = (size_t)(argc - operand);
    return check(given);
}

/* ---- putting back ---------------------------------------------------------------------------- */

/* One that was sent. */
struct move {
    enum pl_topic topic; /* of the dead letter */
    struct pl_place from;
    struct pl_place to;
};

struct replay {
    struct pl_session *session;
    bool is_dry;
    bool is_json;
    int32_t partition_counts[PL_INPUT_COUNT]; /* by input; 0: not asked for yet */
    struct move moves[WINDOW];
    size_t move_count;
    size_t replayed;
    size_t skipped;
};

static enum pl_topic input_of(enum pl_topic dlq)
{
    return dlq == PL_TOPIC_EVENTS_DLQ ? PL_TOPIC_EVENTS : PL_TOPIC_REQUESTS;
}

static void tell(const struct replay *replay, const struct move *move)
{
    const char *const *topics = replay->session->settings.kafka.topics;
    enum pl_topic input = input_of(move->topic);
    struct pl_buffer line = {NULL, 0, 0};

    if (!replay->is_json) {
        (void)fprintf(replay->session->page.out, "%s/%" PRId32 "/%" PRId64 " -> %s/%" PRId32,
                      topics[move->topic], move->from.partition, move->from.offset, topics[input],
                      move->to.partition);
        if (replay->is_dry) {
            (void)fputs(" (not sent)\n", replay->session->page.out);
        } else {
            (void)fprintf(replay->session->page.out, "/%" PRId64 "\n", move->to.offset);
        }
        return;
    }
    pl_buffer_put_byte(&line, '{');
    pl_json_put_key(&line, "topic");
    pl_json_put_string(&line, pl_bytes_of(topics[move->topic]));
    pl_json_put_key(&line, "partition");
    pl_json_put_integer(&line, move->from.partition);
    pl_json_put_key(&line, "offset");
    pl_json_put_integer(&line, move->from.offset);
    pl_json_put_key(&line, "toTopic");
    pl_json_put_string(&line, pl_bytes_of(topics[input]));
    pl_json_put_key(&line, "toPartition");
    pl_json_put_integer(&line, move->to.partition);
    pl_json_put_key(&line, "toOffset");
    if (replay->is_dry) {
        pl_json_put_null(&line);
    } else {
        pl_json_put_integer(&line, move->to.offset);
    }
    pl_buffer_put_byte(&line, '}');
    pl_session_put_line(replay->session, &line);
    pl_buffer_done(&line);
}

/* Wait until those that were sent are stored, and tell of them. */
static enum pl_status settle(struct replay *replay, struct pl_error *error)
{
    enum pl_status status =
        replay->is_dry || replay->move_count == 0
            ? PL_OK
            : pl_kafka_sender_flush(replay->session->sender, FLUSH_TIMEOUT_MS, error);

    if (status != PL_OK) {
        return pl_fail_at(error, PL_FATAL, "%zu may be put back or not, after %zu that are",
                          replay->move_count, replay->replayed);
    }
    pl_session_progress_end(replay->session);
    for (size_t i = 0; i < replay->move_count; i++) {
        tell(replay, &replay->moves[i]);
    }
    replay->replayed += replay->move_count;
    replay->move_count = 0;
    return PL_OK;
}

/* The partition of the key; where that does not say, the one that the record was in. */
static enum pl_status find_partition(struct replay *replay, const struct pl_letter *letter,
                                     int32_t *ret_partition, struct pl_error *error)
{
    struct pl_session *session = replay->session;
    enum pl_topic input = pl_letter_input(letter);
    int32_t *count = &replay->partition_counts[input];
    int64_t source;

    *ret_partition = -1;
    if (letter->record.key.len > 0) {
        *ret_partition =
            pl_kafka_partition_of(&session->settings.kafka, letter->record.key, *count);
    }
    if (*ret_partition < 0 &&
        pl_number_parse(letter->ours[PL_DEAD_LETTER_HEADER_PARTITION], INT32_MAX, &source)) {
        *ret_partition = (int32_t)(source % *count);
    }
    if (*ret_partition < 0) {
        return pl_fail(error, PL_NOT_FOUND, "it does not say which partition it came from");
    }
    return PL_OK;
}

/* The headers without ours. */
static void strip(const struct pl_letter *letter, struct pl_arena *arena,
                  struct pl_message *message)
{
    struct pl_header *headers = pl_arena_zalloc(arena, letter->header_count, sizeof(*headers));
    size_t count = 0;

    for (size_t i = 0; i < letter->header_count; i++) {
        if (pl_dead_letter_header_index(letter->headers[i].name) < 0) {
            headers[count++] = letter->headers[i];
        }
    }
    message->headers = headers;
    message->header_count = count;
}

static enum pl_status put_back(struct replay *replay, const struct pl_letter *letter,
                               int32_t partition, struct pl_error *error)
{
    struct pl_message message = {.topic = pl_letter_input(letter),
                                 .partition = partition,
                                 .key = letter->record.key,
                                 .value = letter->record.value};
    struct move *move = &replay->moves[replay->move_count];
    enum pl_status status = PL_OK;

    *move = (struct move){.topic = letter->record.topic,
                          .from = {letter->record.partition, letter->record.offset},
                          .to = {partition, -1}};
    strip(letter, &replay->session->arena, &message);
    if (!replay->is_dry) {
        status = pl_kafka_send_noting(replay->session->sender, &message, &move->to, error);
    }
    replay->move_count += status == PL_OK;
    return status;
}

static enum pl_status skip(struct replay *replay, const struct pl_letter *letter,
                           const struct pl_error *why)
{
    struct pl_bytes place = pl_letter_place_text(replay->session, letter, &replay->session->arena);

    pl_session_note(replay->session, "%.*s is not put back: %s", PL_ARG(place), why->text);
    replay->skipped++;
    return PL_OK;
}

static enum pl_status take(void *self, const struct pl_letter *letter, struct pl_error *error)
{
    struct replay *replay = self;
    int32_t partition;
    enum pl_status status = find_partition(replay, letter, &partition, error);

    if (status == PL_OK) {
        status = put_back(replay, letter, partition, error);
    }
    if (status == PL_AGAIN) { /* the queue is full */
        status = settle(replay, error);
        if (status == PL_OK) {
            status = put_back(replay, letter, partition, error);
        }
    }
    if (status == PL_NOT_FOUND || status == PL_BAD_DATA) {
        return skip(replay, letter, error);
    }
    return status == PL_OK && replay->move_count == WINDOW ? settle(replay, error) : status;
}

/* ---- the subcommand -------------------------------------------------------------------------- */

static enum pl_status prepare(struct replay *replay, struct pl_error *error)
{
    struct pl_session *session = replay->session;
    enum pl_status status = pl_session_scan(session, error);

    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        status = pl_kafka_scan_partitions(session->scan, (enum pl_topic)input,
                                          &replay->partition_counts[input], error);
    }
    return status == PL_OK && !replay->is_dry ? pl_session_sender(session, error) : status;
}

/* Those of the places; one that is not there is said, and the others are put back. */
static enum pl_status replay_places(struct replay *replay, const struct given *given,
                                    struct pl_error *error)
{
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < given->place_count; i++) {
        struct pl_letter_place place;

        status = pl_letter_place_parse(replay->session, given->places[i], &place, error);
        if (status == PL_OK) {
            status = pl_letter_read(replay->session, &place, take, replay, error);
        }
        if (status == PL_NOT_FOUND) {
            pl_session_note(replay->session, "%s", error->text);
            replay->skipped++;
            status = PL_OK;
        }
    }
    return status;
}

static enum pl_status replay_chosen(struct replay *replay, const struct given *given,
                                    struct pl_error *error)
{
    struct pl_letter_choice choice;
    enum pl_status status = pl_letter_choose(replay->session, &given->letters, &choice, error);

    return status == PL_OK ? pl_letters_read(replay->session, &choice, take, replay, error)
                           : status;
}

static enum pl_status replay_all(struct pl_session *session, const void *self,
                                 struct pl_error *error)
{
    const struct given *given = self;
    struct replay replay = {.session = session, .is_dry = given->is_dry, .is_json = given->is_json};
    struct pl_error unsettled = {""};
    enum pl_status status = prepare(&replay, error);
    enum pl_status settled;

    if (status == PL_OK) {
        status = given->place_count > 0 ? replay_places(&replay, given, error)
                                        : replay_chosen(&replay, given, error);
    }
    settled = settle(&replay, status == PL_OK ? error : &unsettled); /* the first failure is told */
    status = status == PL_OK ? settled : status;
    if (status == PL_OK || replay.replayed > 0) {
        bool are_sent = !replay.is_dry && replay.replayed > 0;

        pl_session_note(session, "%zu %s put back%s", replay.replayed,
                        replay.is_dry ? "would be" : "are",
                        are_sent ? "; to replay them again would send them again" : "");
    }
    if (status == PL_OK && replay.skipped > 0) {
        return pl_fail(error, PL_NOT_FOUND, "%zu are not put back", replay.skipped);
    }
    return status;
}

int pl_cli_dlq_replay(int argc, char **argv)
{
    struct given given = {.is_dry = false};
    int code = parse(argc, argv, &given);

    return code == PL_GO_ON ? pl_session_run(COMMAND, &given.session, replay_all, &given) : code;
}
