/*
 * test_lineage.c - which histories of a store are taken for what was shown before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "membership/lineage.h"

/* A store on a disk: it commits, is opened again, is copied and put back. */
struct disk {
    struct lineage lineage;
};

static void open_again(struct disk *disk, uint64_t id)
{
    struct lineage *lineage = &disk->lineage;
    lineage->storage_incarnation =
        lineage->storage_incarnation == 0 ? 1 : lineage->storage_incarnation;
    if (lineage->count == LINEAGE_LIVES_MAX) {
        for (uint8_t i = 1; i < lineage->count; i++)
            lineage->lives[i - 1] = lineage->lives[i];
        lineage->count--;
    }
    lineage->lives[lineage->count++] = (struct lineage_life){.id = id, .opened = lineage->commits};
}

static void a_store_that_goes_on_is_good(void **state)
{
    struct lineage_witness witness = {.node = 2};
    struct disk disk = {0};
    (void)state;
    open_again(&disk, 11);
    disk.lineage.commits = 5;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    assert_true(lineage_raise(&witness, 9));
    disk.lineage.commits = 9;
    open_again(&disk, 12);
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_GOOD);
    assert_true(witness.life == 12 && witness.commits == 9);
}

static void a_store_that_lost_its_newest_commits_is_rolled_back(void **state)
{
    struct lineage_witness witness = {.node = 2};
    struct disk disk = {0};
    (void)state;
    open_again(&disk, 11);
    disk.lineage.commits = 5;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    assert_true(lineage_raise(&witness, 9));
    disk.lineage.commits = 8;
    open_again(&disk, 12);
    struct lineage_witness before = witness;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_ROLLED_BACK);
    assert_true(witness.life == before.life && witness.commits == before.commits); /* N1 */
}

/*
 * It took writes alone, so it has more commits than were ever shown: it has forgotten all the same.
 */
static void a_copy_that_went_on_is_rolled_back(void **state)
{
    struct lineage_witness witness = {.node = 2};
    struct disk disk = {0}, copy;
    (void)state;
    open_again(&disk, 11);
    disk.lineage.commits = 5;
    copy = disk;
    open_again(&disk, 12);
    disk.lineage.commits = 20;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    open_again(&copy, 13);
    copy.lineage.commits = 100;
    open_again(&copy, 14);
    assert_int_equal(lineage_judge(&witness, &copy.lineage), LINEAGE_ROLLED_BACK);
}

static void what_comes_twice_does_not_lower_what_is_known(void **state)
{
    struct lineage_witness witness = {.node = 2};
    struct disk disk = {0};
    (void)state;
    open_again(&disk, 11);
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    assert_true(lineage_raise(&witness, 9));
    assert_false(lineage_raise(&witness, 8));
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_GOOD);
    assert_true(witness.commits == 9);
}

static void a_later_incarnation_begins_anew_and_an_old_one_is_told(void **state)
{
    struct lineage_witness witness = {
        .node = 2, .storage_incarnation = 1, .life = 11, .commits = 1000};
    struct disk disk = {.lineage = {.storage_incarnation = 2}};
    (void)state;
    open_again(&disk, 12);
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    assert_true(witness.storage_incarnation == 2 && witness.commits == 0);
    disk.lineage.storage_incarnation = 1;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_OLD_INCARNATION);
    assert_true(witness.storage_incarnation == 2);
}

static void a_life_that_the_list_has_no_room_for_is_judged_by_its_commits(void **state)
{
    struct lineage_witness witness = {.node = 2};
    struct disk disk = {0};
    (void)state;
    open_again(&disk, 1000);
    disk.lineage.commits = 5;
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_UNKNOWN);
    for (uint64_t id = 1; id <= LINEAGE_LIVES_MAX; id++)
        open_again(&disk, id);
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_GOOD);
    witness =
        (struct lineage_witness){.node = 2, .storage_incarnation = 1, .life = 1000, .commits = 6};
    assert_int_equal(lineage_judge(&witness, &disk.lineage), LINEAGE_ROLLED_BACK);
}

static void a_store_that_shows_nothing_is_unknown(void **state)
{
    struct lineage_witness witness = {
        .node = 2, .storage_incarnation = 1, .life = 11, .commits = 7};
    (void)state;
    assert_int_equal(lineage_judge(&witness, &(struct lineage){0}), LINEAGE_UNKNOWN);
    assert_true(witness.commits == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_goes_on_is_good),
        cmocka_unit_test(a_store_that_lost_its_newest_commits_is_rolled_back),
        cmocka_unit_test(a_copy_that_went_on_is_rolled_back),
        cmocka_unit_test(what_comes_twice_does_not_lower_what_is_known),
        cmocka_unit_test(a_later_incarnation_begins_anew_and_an_old_one_is_told),
        cmocka_unit_test(a_life_that_the_list_has_no_room_for_is_judged_by_its_commits),
        cmocka_unit_test(a_store_that_shows_nothing_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
