//! The external data processor that does both jobs on a platform whose extensions have none.

use bsl_run::{Args, Name, Value};
use chrono::Duration;
use infobase::User;
use infobase::metadata::declared::Variant;
use passteam_sandbox::Fault;

use crate::stage::{folder, untouched};
use crate::story::Story;

fn text() -> String {
    let path = folder().join("../scheduled/ПередачаКартPassteam/Ext/ObjectModule.bsl");
    std::fs::read_to_string(path).unwrap().trim_start_matches('\u{feff}').to_owned()
}

/// Runs the command that the processor names, as БСП does on schedule.
fn run(story: &Story) {
    run_as(story, User::administrator());
}

fn run_as(story: &Story, user: User) {
    let done = story.shop.run(user, |vm, session| {
        let about = session.run_text(vm, &text(), Some("СведенияОВнешнейОбработке"), &mut [])?;
        assert!(!vm.get_member(&about, &Name::new("БезопасныйРежим"))?.truth()?, "safe mode attaches no add-in");
        let commands = vm.get_member(&about, &Name::new("Команды"))?;
        let mut first = Args::new(vec![Some(Value::int(0))]);
        let command = vm.call_member(&commands, &Name::new("Получить"), &mut first)?;
        let id = vm.get_member(&command, &Name::new("Идентификатор"))?;
        session.run_text(vm, &text(), Some("ВыполнитьКоманду"), &mut [id, Value::Undefined]).map(|_| ())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_old_platform_sends_by_the_external_processor() {
    let story = Story::of(&Variant { own_jobs: false, ..untouched() });
    story.new_card("Анна", "+79161234567");
    run(&story);
    story.sell("Анна", 70);
    run(&story);
    assert_eq!(story.shown("Анна"), "70");
    assert_eq!(story.queued(), "0");
}

/// A person may press the command too.
#[test]
fn who_presses_the_command_needs_no_right_to_the_extensions_registers() {
    let story = Story::of(&Variant { own_jobs: false, ..untouched() });
    story.new_card("Анна", "+79161234567");
    run_as(&story, User::limited("Оператор"));
    story.sell("Анна", 70);
    run_as(&story, User::limited("Оператор"));
    assert_eq!(story.shown("Анна"), "70");
    assert_eq!(story.log(), Vec::<String>::new());
}

/// The walk over the service's cards, at most every ten minutes.
#[test]
fn an_old_platform_reconciles_by_the_external_processor() {
    let story = Story::just_installed(&Variant { own_jobs: false, ..untouched() });
    story.new_card("Анна", "+79161234567");
    let walks = || story.requests("getCardsWithPagination");
    let unreadable = Fault::of("getCardsWithPagination").code(400).message("No.");
    (0..2).for_each(|_| story.sandbox.push_fault(unreadable.clone()));
    for minutes in [1, 1, 10] {
        run(&story);
        story.wait(Duration::minutes(minutes));
    }
    assert_eq!((walks(), story.sandbox.cards().len()), (1, 0));
    run(&story);
    assert_eq!((walks(), story.sandbox.cards().len()), (2, 0));
    story.wait(Duration::minutes(10));
    run(&story);
    run(&story);
    assert_eq!((walks(), story.sandbox.cards().len()), (3, 1));
}

/// Points whose day comes are found once a day, after three o'clock.
#[test]
fn the_nightly_check_is_run_once_a_day() {
    let story = Story::of(&Variant { own_jobs: false, ..untouched() });
    story.new_card("Анна", "+79161234567");
    run(&story);
    story.act("Движение(\"Анна\", 60, , , ТекущаяДатаСеанса() + 10 * 3600)");
    run(&story);
    // Nine in the morning and eleven hours more: the day's check was at nine.
    story.wait(Duration::hours(11));
    run(&story);
    assert_eq!(story.shown("Анна"), "0");
    story.wait(Duration::hours(6));
    run(&story);
    assert_eq!(story.shown("Анна"), "0", "two in the night");
    story.wait(Duration::hours(2));
    run(&story);
    assert_eq!(story.shown("Анна"), "60");
}

/// A cashier's long operation waits for the call to end.
#[test]
fn a_call_does_one_thing_in_a_file_base() {
    let story = Story::of(&Variant { own_jobs: false, file_base: true, ..untouched() });
    story.new_card("Анна", "+79161234567");
    (0..3).for_each(|_| run(&story));
    assert!(story.served("Анна").is_some());
    story.wait(Duration::days(2));
    story.sell("Анна", 70);
    story.sandbox.clear_requests();
    let done = || (story.requests("getCardsWithPagination") > 0, story.requests("updatecard") > 0);
    let mut seen = Vec::new();
    for _ in 0..3 {
        run(&story);
        seen.push(done());
    }
    assert_eq!(seen, [(false, false), (true, false), (true, true)], "the night's check, the walk, the queue");
    assert_eq!(story.shown("Анна"), "70");
}
