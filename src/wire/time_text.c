/* Instants as text, without the C library's clock or time zones. */
#include "planlift/codec.h"

#define MS_PER_SECOND 1000
#define SECONDS_PER_DAY 86400
/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: RFC 3339 has four digits for the year. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS INT64_C(253402300799999)
/* Days from 0000-03-01 to 1970-01-01. */
#define EPOCH_DAYS 719468
#define DAYS_PER_ERA 146097 /* 400 years */
#define YEARS_PER_ERA 400

static const char pattern[] = "0000-00-00T00:00:00.000Z";

/* Digits of number, ending before end. */
static void put_digits(char *end, int64_t number, int count)
{
    while (count-- > 0) {
        *--end = (char)('0' + number % 10);
        number /= 10;
    }
}

/* Years that begin in March have their leap day at the end: the month follows from the day alone.
 * (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".) */
static void put_date(char *text, int64_t days_since_epoch)
{
    int64_t days = days_since_epoch + EPOCH_DAYS + DAYS_PER_ERA; /* not negative */
    int64_t era = days / DAYS_PER_ERA - 1;
    int64_t day_of_era = days % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = era * YEARS_PER_ERA + year_of_era + (month <= 2);

    put_digits(text + 4, year, 4);
    put_digits(text + 7, month, 2);
    put_digits(text + 10, day_of_year - (153 * march_month + 2) / 5 + 1, 2);
}

struct pl_bytes pl_time_text(int64_t ms, struct pl_arena *arena)
{
    char *text = pl_arena_alloc(arena, sizeof(pattern) - 1);
    int64_t since_first;
    int64_t second;

    ms = ms < FIRST_MS ? FIRST_MS : ms;
    ms = ms > LAST_MS ? LAST_MS : ms;
    since_first = ms - FIRST_MS; /* a whole number of days before the epoch, and never negative */
    second = since_first / MS_PER_SECOND % SECONDS_PER_DAY;
    memcpy(text, pattern, sizeof(pattern) - 1);
    put_date(text,
             (since_first / MS_PER_SECOND + FIRST_MS / MS_PER_SECOND - second) / SECONDS_PER_DAY);
    put_digits(text + 13, second / 3600, 2);
    put_digits(text + 16, second / 60 % 60, 2);
    put_digits(text + 19, second % 60, 2);
    put_digits(text + 23, since_first % MS_PER_SECOND, 3);
    return (struct pl_bytes){text, sizeof(pattern) - 1};
}
