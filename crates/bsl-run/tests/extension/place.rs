//! Which base sends: never a copy, always the shop that was only moved to another computer of its cluster.

use bsl_run::Value;
use bsl_run::platform::from_value;
use chrono::Duration;
use infobase::metadata::declared::{Ssl, Variant};
use infobase::{Datum, LogLevel, Reference, User};

use crate::stage::untouched;
use crate::story::Story;

/// Connection string and computer.
type Place = (&'static str, &'static str);

const CLUSTER: Place = (r#"Srvr="CLUSTER";Ref="Retail";"#, "APP1");
const FOLDER: Place = (r#"File="C:\Bases\Retail";"#, "SERVER");
const MARK: &str = r"c:\bases\retail\passteam.txt";
const SHARED_MARK: &str = r"\\server\bases\retail\passteam.txt";

fn server_base() -> Variant {
    untouched()
}

fn file_base() -> Variant {
    Variant { file_base: true, ..untouched() }
}

/// A shop whose service does not look like a sandbox.
fn shop(variant: &Variant) -> Story {
    let story = Story::of(variant);
    story.hide_sandbox();
    story
}

/// The same, and a person has switched it on at this place.
fn kept_at(variant: &Variant, place: Place) -> Story {
    let story = shop(variant);
    go(&story, place);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    story
}

fn go(story: &Story, (connection, computer): Place) {
    story.shop.infobase(|base| base.set_place(connection, computer));
}

fn sends_at(story: &Story, place: Place) -> bool {
    go(story, place);
    story.ask("МестоБазыPassteam.ОтправкаРазрешена()") == "Да"
}

fn errors(story: &Story) -> Vec<String> {
    let error = |entry: &infobase::LogEntry| (entry.level == LogLevel::Error).then(|| entry.comment.clone());
    story.shop.infobase(|base| base.log().iter().filter_map(error).collect())
}

/// Goes from place to place and asks at each.
fn walk(story: &Story, steps: &[(Place, bool)]) {
    for (place, expected) in steps {
        assert_eq!(sends_at(story, *place), *expected, "{place:?}");
    }
}

#[test]
fn a_cluster_of_three_computers_sends_from_each() {
    let story = kept_at(&server_base(), CLUSTER);
    walk(
        &story,
        &[
            (CLUSTER, true),
            ((r#"Srvr="cluster";Ref="RETAIL";"#, "APP2"), true),
            ((r#"Srvr="tcp://CLUSTER:1541";Ref="Retail";"#, "APP3"), true),
            // Learnt meanwhile: whoever connects on that computer itself says localhost.
            ((r#"Srvr="localhost";Ref="Retail";"#, "app3"), true),
            ((r#"Srvr="localhost";Ref="Retail";"#, "APP4"), false),
        ],
    );
    assert_eq!(story.ask("МестоБазыPassteam.Сведения().Предупреждения.Количество()"), "0");
}

#[test]
fn a_server_that_was_renamed_goes_on_and_its_new_name_is_learnt() {
    let story = kept_at(&server_base(), CLUSTER);
    walk(
        &story,
        &[
            ((r#"Srvr="RENAMED";Ref="Retail";"#, "APP2"), false),
            ((r#"Srvr="RENAMED";Ref="Retail";"#, "APP1"), true),
            ((r#"Srvr="RENAMED";Ref="Retail";"#, "APP2"), true),
        ],
    );
}

#[test]
fn a_moved_cluster_a_renamed_database_and_a_test_cluster_are_copies() {
    let story = kept_at(&server_base(), CLUSTER);
    walk(
        &story,
        &[
            // Moved with its name in the network, and moved without.
            ((r#"Srvr="CLUSTER";Ref="Retail";"#, "NEW1"), true),
            ((r#"Srvr="NEW";Ref="Retail";"#, "NEW2"), false),
            ((r#"Srvr="CLUSTER";Ref="Retail_copy";"#, "APP1"), false),
            ((r#"Srvr="CLUSTER:2541";Ref="Retail";"#, "APP1"), false),
            ((r#"Srvr="localhost:2541";Ref="Retail";"#, "APP1"), false),
            (FOLDER, false),
            ((r#"ws="http://web/retail";"#, "APP1"), false),
            (CLUSTER, true),
        ],
    );
}

#[test]
fn a_cluster_on_another_port_with_a_reserve_is_known_by_either_address() {
    let story = kept_at(&server_base(), (r#"Srvr="one:1641,two";Ref="Retail";"#, "APP1"));
    walk(
        &story,
        &[
            ((r#"Srvr="ONE:1641";Ref="Retail";"#, "APP2"), true),
            ((r#"Srvr="two:1541";Ref="Retail";"#, "APP3"), true),
            ((r#"Srvr="one";Ref="Retail";"#, "APP4"), false),
            ((r#"Srvr="two:1641";Ref="Retail";"#, "APP4"), false),
        ],
    );
}

/// A loopback address is everybody's: nothing is learnt from it.
#[test]
fn a_developers_copy_behind_localhost_is_a_copy() {
    for address in ["localhost", "127.0.0.1", "127.1.2.3:1541", "::1", "[::1]:1541", ""] {
        let connection: &'static str = format!("Srvr=\"{address}\";Ref=\"Retail\";").leak();
        let story = kept_at(&server_base(), (connection, "SERVER"));
        walk(
            &story,
            &[
                ((connection, "server"), true),
                ((connection, "DEV"), false),
                ((r#"Srvr="DEV";Ref="Retail";"#, "DEV"), false),
                // The server's own name is learnt from its own computer.
                ((r#"Srvr="SERVER";Ref="Retail";"#, "SERVER"), true),
                ((r#"Srvr="SERVER";Ref="Retail";"#, "APP2"), true),
                ((connection, "DEV"), false),
            ],
        );
    }
}

/// The developer has copied the whole folder, mark included.
#[test]
fn a_developers_copy_under_the_same_local_path_is_a_copy() {
    let story = kept_at(&file_base(), FOLDER);
    walk(
        &story,
        &[
            ((r#"File="c:\bases\RETAIL\";"#, "server"), true),
            ((r#"File="C:\Bases\Retail";"#, "DEV"), false),
            ((r#"File="C:\Bases\Copy";"#, "SERVER"), false),
            (CLUSTER, false),
            (FOLDER, true),
        ],
    );
}

#[test]
fn tills_over_a_share_send_and_a_share_of_another_host_does_not() {
    let story = kept_at(&file_base(), FOLDER);
    // The same folder, as the tills see it, and copies of it elsewhere.
    for path in [
        SHARED_MARK,
        r"\\other\bases\retail\passteam.txt",
        r"z:\retail\passteam.txt",
        r"\\localhost\bases\retail\passteam.txt",
    ] {
        story.shop.files(|files| files.insert(path.into(), files[MARK].clone()));
    }
    walk(
        &story,
        &[
            ((r#"File="\\SERVER\Bases\Retail";"#, "TILL1"), true),
            ((r#"File="//server/bases/retail/";"#, "TILL2"), true),
            ((r#"File="\\OTHER\Bases\Retail";"#, "TILL1"), false),
            ((r#"File="Z:\Retail";"#, "TILL1"), false),
            ((r#"File="\\localhost\Bases\Retail";"#, "TILL1"), false),
            ((r#"File="C:\Bases\Retail";"#, "TILL1"), false),
        ],
    );
}

/// A share of this computer itself is a local path.
#[test]
fn a_share_of_localhost_is_everybodys() {
    let own = (r#"File="\\localhost\Bases\Retail";"#, "SERVER");
    let story = kept_at(&file_base(), own);
    let copied = r"\\localhost\bases\retail\passteam.txt";
    story.shop.files(|files| files.insert(SHARED_MARK.into(), files[copied].clone()));
    walk(&story, &[(own, true), ((own.0, "DEV"), false), ((r#"File="\\SERVER\Bases\Retail";"#, "TILL1"), true)]);
}

/// The web server runs the base's code: on the computer of the base, or on one that reaches it over the share.
#[test]
fn a_web_client_sends_from_the_web_servers_place() {
    let story = kept_at(&file_base(), (r#"File="\\SERVER\Bases\Retail";"#, "WEB"));
    walk(
        &story,
        &[
            ((r#"File="\\server\Bases\Retail";"#, "WEB2"), true),
            ((r#"File="C:\Bases\Retail";"#, "WEB"), false),
            ((r#"ws="http://web/retail";"#, "WEB"), false),
        ],
    );
    let story = kept_at(&server_base(), (r#"ws="http://web/retail";"#, "WEB"));
    walk(
        &story,
        &[
            ((r#"ws="HTTP://WEB/retail";"#, "web"), true),
            ((r#"ws="http://web/retail";"#, "DEV"), false),
            ((r#"ws="http://web/copy";"#, "WEB"), false),
        ],
    );
}

#[test]
fn a_file_base_without_its_mark_is_a_copy() {
    let story = kept_at(&file_base(), FOLDER);
    let mark = story.shop.files(|files| files.remove(MARK)).unwrap();
    walk(&story, &[(FOLDER, false)]);
    story.shop.files(|files| files.insert(MARK.into(), "другая".into()));
    walk(&story, &[(FOLDER, false)]);
    story.shop.files(|files| files.insert(MARK.into(), mark));
    story.shop.infobase(|base| base.forbid_files(true));
    walk(&story, &[(FOLDER, false)]);
    story.shop.infobase(|base| base.forbid_files(false));
    walk(&story, &[(FOLDER, true)]);
}

/// A security profile forbids files: the base is known by computer and path, and a share by its whole path only.
#[test]
fn without_the_right_to_write_a_mark_the_whole_path_counts() {
    let warned = r#"СтрСоединить(МестоБазыPassteam.Сведения().Предупреждения, "")"#;
    let share = (r#"File="\\SERVER\Bases\Retail";"#, "TILL1");
    for first in [FOLDER, share] {
        let story = shop(&file_base());
        story.shop.infobase(|base| base.forbid_files(true));
        go(&story, first);
        story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
        let over_share = first == share;
        walk(
            &story,
            &[
                (first, true),
                ((r#"File="\\SERVER\Bases\Retail";"#, "TILL2"), over_share),
                ((r#"File="\\SERVER\Copy\Retail";"#, "TILL1"), false),
                ((r#"File="C:\Bases\Retail";"#, "DEV"), false),
            ],
        );
        assert!(story.ask(warned).contains("Метку"), "{}", story.ask(warned));
    }
}

#[test]
fn a_copy_queues_everything_sends_nothing_and_says_so_once_an_hour() {
    let story = kept_at(&server_base(), CLUSTER);
    story.sent_card("Анна", "+79161234567");
    let before = story.sandbox.requests().len();
    go(&story, (r#"Srvr="TEST";Ref="Retail";"#, "TEST"));
    story.sell("Анна", 40);
    story.new_card("Мария", "+79161234568");
    for _ in 0..3 {
        story.job();
        story.night();
        story.wait(Duration::minutes(15));
    }
    let told = story.ask("ОчередьPassteam.ОбновитьСейчас(Карта(\"Анна\"))");
    assert!(told.contains("CLUSTER") && told.contains("TEST"), "{told}");
    assert_eq!(story.sandbox.requests().len(), before, "{:#?}", story.sandbox.requests());
    assert_eq!(story.queue(), "Анна,Мария");
    assert_eq!(errors(&story).len(), 1, "{:#?}", errors(&story));
    story.wait(Duration::minutes(30));
    story.job();
    assert_eq!(errors(&story).len(), 2);
    let works = "ИнтеграцияPassteam.ПроверитьПодключение(ИнтеграцияPassteam.ПрочитатьНастройки()).Успешно";
    assert_eq!(story.ask(works), "Да", "the check touches no card");

    // The real base went on all the while.
    go(&story, CLUSTER);
    story.job();
    assert_eq!(story.balances(), "Анна=40 Мария=0");
}

#[test]
fn a_person_says_that_the_moved_base_is_the_real_one() {
    let story = kept_at(&server_base(), CLUSTER);
    let moved = (r#"Srvr="NEW";Ref="Retail";"#, "NEW1");
    story.new_card("Анна", "+79161234567");
    go(&story, moved);
    story.job();
    assert_eq!(story.sandbox.cards().len(), 0);
    let about = |field: &str| story.ask(&format!("МестоБазыPassteam.Сведения().{field}"));
    assert_eq!(about("Разрешено"), "Нет");
    assert!(about("ПрежнееМесто").contains("CLUSTER"), "{}", about("ПрежнееМесто"));
    assert!(about("НовоеМесто").contains("NEW1"), "{}", about("НовоеМесто"));
    assert_eq!(about("КопияПоБСП"), "Нет");

    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    story.job();
    assert_eq!(story.balances(), "Анна=0");
    assert_eq!(about("Разрешено"), "Да");
    assert_eq!(about("Причина"), "");
    assert!(about("ПрежнееМесто").contains("NEW1"));
    // What was left behind is a copy now.
    walk(&story, &[(CLUSTER, false), (moved, true)]);
}

/// The form is open on a known computer, the job runs on another one under a name of its own.
#[test]
fn the_place_where_the_job_was_stopped_is_shown_and_taken_elsewhere() {
    let story = kept_at(&server_base(), CLUSTER);
    let jobs = (r#"Srvr="10.0.0.5";Ref="Retail";"#, "APP2");
    walk(&story, &[(jobs, false), (CLUSTER, true)]);
    let about = |field: &str| story.ask(&format!("МестоБазыPassteam.Сведения().{field}"));
    assert_eq!(about("Разрешено"), "Нет");
    assert!(about("НовоеМесто").contains("APP2"), "{}", about("НовоеМесто"));
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    assert_eq!(about("Разрешено"), "Да");
    walk(&story, &[(jobs, true), (CLUSTER, true)]);

    // An old refusal, and one of another database, are no part of it.
    let foreign = (r#"Srvr="TEST";Ref="Copy";"#, "TEST");
    walk(&story, &[(foreign, false), (CLUSTER, true)]);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    walk(&story, &[(foreign, false), ((r#"Srvr="localhost";Ref="Retail";"#, "TEST"), false), (CLUSTER, true)]);
    story.wait(Duration::hours(3));
    assert_eq!(about("Разрешено"), "Да");
}

#[test]
fn tills_with_a_drive_letter_are_accepted_one_by_one() {
    let story = kept_at(&file_base(), FOLDER);
    let till = |story: &Story, letter: &'static str| {
        let path = format!(r"{letter}:\retail\passteam.txt");
        story.shop.files(|files| files.insert(path, files[MARK].clone()));
    };
    let drives = [(r#"File="Y:\Retail";"#, "TILL1"), (r#"File="Z:\Retail";"#, "TILL2")];
    till(&story, "y");
    walk(&story, &[(drives[0], false)]);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    // One folder under three paths: the new mark is seen under each.
    let mark = story.shop.files(|files| files[r"y:\retail\passteam.txt"].clone());
    story.shop.files(|files| files.insert(MARK.into(), mark.clone()));
    walk(&story, &[(drives[0], true), (FOLDER, true), (drives[1], false)]);
    // From the server's own place: the till that was refused is meant.
    go(&story, FOLDER);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    for letter in ["y", "z"] {
        till(&story, letter);
    }
    walk(&story, &[(drives[0], true), (drives[1], true), (FOLDER, true)]);
}

/// A moved file base gets a new mark: the folder that was left behind does not pass for it.
#[test]
fn a_moved_file_base_forgets_its_old_folder() {
    let story = kept_at(&file_base(), FOLDER);
    let moved = (r#"File="D:\Retail";"#, "NEW");
    let id = story.shop.files(|files| files[MARK].clone());
    walk(&story, &[(moved, false)]);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    walk(&story, &[(moved, true), (FOLDER, false)]);
    assert_ne!(story.shop.files(|files| files[r"d:\retail\passteam.txt"].clone()), id);
}

#[test]
fn the_librarys_guard_comes_first() {
    let story = kept_at(&server_base(), CLUSTER);
    story.shop.infobase(|base| base.lock_external_resources(true));
    walk(&story, &[(CLUSTER, false), ((r#"Srvr="CLUSTER";Ref="Retail";"#, "APP2"), false)]);
    assert_eq!(story.ask("МестоБазыPassteam.Сведения().КопияПоБСП"), "Да");
    assert!(story.ask("МестоБазыPassteam.ПричинаЗапрета()").contains("БСП"));
    assert_eq!(errors(&story).len(), 1);
    go(&story, CLUSTER);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    story.new_card("Анна", "+79161234567");
    story.job();
    assert_eq!(story.queue(), "Анна");
    assert_eq!(story.sandbox.requests().len(), 0);
    story.shop.infobase(|base| base.lock_external_resources(false));
    // Nothing was learnt while it was locked.
    walk(&story, &[((r#"Srvr="localhost";Ref="Retail";"#, "APP2"), false), (CLUSTER, true)]);
}

/// A developer plays with the sandbox in a copy.
#[test]
fn a_service_on_this_computer_is_always_allowed() {
    let story = kept_at(&server_base(), CLUSTER);
    go(&story, (r#"Srvr="localhost";Ref="copy";"#, "DEV"));
    story.shop.infobase(|base| base.lock_external_resources(true));
    let set = |address: &str| {
        story.act(&format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера\", \"{address}\"))"));
        story.ask("МестоБазыPassteam.ОтправкаРазрешена()")
    };
    for address in [
        "http://localhost:8080",
        "HTTP://LocalHost/oapi/v1/",
        "http://127.0.0.1",
        "https://127.5.0.9:8443/x",
        "http://[::1]:8080/",
        "https://passteam.localhost",
        "https://user:pass@127.0.0.1/",
    ] {
        assert_eq!(set(address), "Да", "{address}");
    }
    for address in [
        "",
        "https://getpass.passteam.ru/oapi/v1",
        "https://localhost@getpass.passteam.ru",
        "https://127.0.0.1.example",
        "https://localhost.example",
        r"https://getpass.passteam.ru\@localhost",
        "https://getpass.passteam.ru?@127.0.0.1",
        "https://getpass.passteam.ru#@127.0.0.1",
        "localhost",
    ] {
        assert_eq!(set(address), "Нет", "{address}");
    }
}

/// Settings that are saved once more in a copy make it no real base; switching it off and on does.
#[test]
fn only_switching_on_remembers_the_place() {
    let story = kept_at(&server_base(), CLUSTER);
    let copy = (r#"Srvr="TEST";Ref="Retail";"#, "TEST");
    go(&story, copy);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    walk(&story, &[(copy, false)]);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    assert_eq!(story.ask("МестоБазыPassteam.ПричинаЗапрета()"), "Эта база не ведет карты Passteam.");
    walk(&story, &[(copy, false)]);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    walk(&story, &[(copy, true), (CLUSTER, false)]);
}

/// Without a place that is known nothing is sent: the setting came from elsewhere.
#[test]
fn a_base_that_remembers_no_place_waits_for_a_person() {
    let story = kept_at(&server_base(), CLUSTER);
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"ИзвестноеМесто\", \"\")");
    walk(&story, &[(CLUSTER, false)]);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    walk(&story, &[(CLUSTER, true)]);
}

/// A restored backup that is opened elsewhere, as БСП's absence leaves it.
#[test]
fn a_base_without_the_library_has_its_own_guard() {
    let story = kept_at(&Variant { ssl: Ssl::Absent, own_jobs: false, ..server_base() }, CLUSTER);
    walk(&story, &[(CLUSTER, true), ((r#"Srvr="TEST";Ref="Retail";"#, "TEST"), false)]);
    let warned = story.ask(r#"СтрСоединить(МестоБазыPassteam.Сведения().Предупреждения, "")"#);
    assert!(warned.contains("внешняя обработка"), "{warned}");
}

/// A user who may only look opens the card's form on a computer that is not known yet.
#[test]
fn a_user_without_rights_to_the_settings_learns_a_computer_too() {
    let story = kept_at(&server_base(), CLUSTER);
    go(&story, (r#"Srvr="CLUSTER";Ref="Retail";"#, "APP2"));
    let asked = story.run_as(User::limited("Просмотр"), "Возврат МестоБазыPassteam.ОтправкаРазрешена();");
    assert_eq!(asked, Ok("Да".into()));
    walk(&story, &[((r#"Srvr="localhost";Ref="Retail";"#, "APP2"), true)]);
}

/// While another session changes the remembered place, this one sends and learns the next time.
#[test]
fn a_computer_that_cannot_be_remembered_now_is_learnt_later() {
    let story = kept_at(&server_base(), CLUSTER);
    let second = (r#"Srvr="CLUSTER";Ref="Retail";"#, "APP2");
    let holder = story.lock_before("БлокировкаДанных.Заблокировать", "РегистрСведений.НастройкиPassteam");
    walk(&story, &[(second, true)]);
    let session = holder.lock().unwrap().take().expect("the place is locked before it is changed");
    story.shop.infobase(|base| base.close_session(session)).unwrap();
    let own = (r#"Srvr="localhost";Ref="Retail";"#, "APP2");
    walk(&story, &[(own, false), (second, true), (own, true)]);
}

#[test]
fn the_form_says_which_node_this_is_and_warns() {
    let story = kept_at(&server_base(), CLUSTER);
    let about = |field: &str| story.ask(&format!("МестоБазыPassteam.Сведения().{field}"));
    assert_eq!(about("Узел"), "");
    let node = |code: &str, name: &str| -> Reference {
        let body = format!(
            "Функция Узел() Экспорт Узел = ПланыОбмена.ПоМагазину.СоздатьУзел(); Узел.Код = \"{code}\"; \
             Узел.Наименование = \"{name}\"; Узел.Записать(); Возврат Узел.Ссылка; КонецФункции"
        );
        let made = story.shop.run(User::administrator(), |vm, session| {
            let made: Value = session.run_text(vm, &body, Some("Узел"), &mut [])?;
            from_value(&made)
        });
        match made.unwrap() {
            Datum::Ref(reference) => reference,
            other => panic!("{other:?}"),
        }
    };
    let (shop, centre) = (node("М01", "Магазин на Тверской"), node("000", "Центр"));
    story.shop.infobase(|base| base.set_own_node(shop));
    assert_eq!(about("Узел"), "По магазину: Магазин на Тверской (М01)");
    assert_eq!(about("Предупреждения.Количество()"), "0");
    story.shop.infobase(|base| base.set_main_node(Some(centre)));
    assert!(about("Узел").ends_with("Главный узел: Центр"), "{}", about("Узел"));
    assert!(about("Предупреждения[0]").contains("подчиненный"), "{}", about("Предупреждения[0]"));
    story.act("Константы.ИспользоватьДисконтныйСервер.Установить(Истина)");
    assert!(about("Предупреждения[0]").contains("дисконтный сервер"), "{}", about("Предупреждения[0]"));

    let without = Story::of(&Variant { discount_server: false, ..server_base() });
    let warned = without.ask("МестоБазыPassteam.Сведения().Предупреждения[0]");
    assert!(warned.contains("песочниц"), "{warned}");
}
