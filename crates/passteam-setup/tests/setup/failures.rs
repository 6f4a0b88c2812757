//! Whatever fails ends in a plain sentence, status 1, the platform's own words, and a base that works as before.

use std::fs;
use std::process::Child;

use crate::shop::{Shop, wait_for};

/// What the base uses: everything but what was loaded and not applied, with its properties.
fn in_use(shop: &Shop) -> Vec<(String, Vec<u8>)> {
    let unused = |name: &str| ["loaded", "properties", "hanging"].iter().any(|part| name.contains(part));
    shop.everything().into_iter().filter(|(name, _)| !unused(name)).collect()
}

#[test]
fn active_users_leave_no_trace_of_the_attempt() {
    let shop = Shop::new();
    shop.set("sessions", "");
    let before = shop.everything();
    shop.run("install", &["--yes"]).expect(1, &["Фоновое задание", "background", "exit code 1"]);
    assert_eq!(shop.everything(), before);
    shop.unset("sessions");
    shop.run("install", &["--yes"]).expect(0, &[]);
}

#[test]
fn a_failed_update_returns_to_the_installed_version() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.change_installed("Configuration.xml", &format!("<Version>{}<", env!("CARGO_PKG_VERSION")), "<Version>0.0.9<");
    shop.set("sessions", "");
    let before = shop.everything();
    shop.run("update", &["--yes"]).expect(1, &["/RollbackCfg", "stays as it was"]);
    assert_eq!(shop.everything(), before);
    assert!(!shop.calls().contains(&"/DeleteCfg".to_owned()));
}

#[test]
fn each_step_that_fails_leaves_the_base_as_it_was() {
    for step in ["/LoadConfigFromFiles", "/CheckCanApplyConfigurationExtensions", "/CheckModules", "/UpdateDBCfg"] {
        let shop = Shop::new();
        shop.set("fail", &format!("{step} 1 На диске недостаточно места"));
        let before = shop.everything();
        shop.run("install", &["--yes"]).expect(1, &["На диске недостаточно места"]);
        assert_eq!(shop.everything(), before, "{step}");
    }
}

#[test]
fn a_crash_is_called_a_crash() {
    let shop = Shop::new();
    shop.set("fail", "/UpdateDBCfg crash");
    shop.run("install", &["--yes"]).expect(1, if cfg!(unix) { &["signal"] } else { &["crash"] });
    shop.set("fail", "");
    shop.run("install", &["--yes"]).expect(0, &[]);
}

#[test]
fn a_wrong_password_is_not_asked_for_again() {
    let shop = Shop::new().with_user();
    shop.set("users", "Админ\tдругой\n");
    let before = shop.everything();
    shop.run("install", &["--yes"]).expect(1, &["Пользователь ИБ не идентифицирован", "wrong user or password"]);
    assert_eq!(shop.everything(), before);
    assert_eq!(shop.calls().len(), 1);
}

#[test]
fn a_password_that_the_platform_repeats_is_hidden() {
    let shop = Shop::new().with_user();
    shop.set("fail", &format!("/DumpConfigToFiles 1 Строка соединения Pwd={};", crate::shop::PASSWORD));
    shop.run("install", &["--yes"]).expect(1, &["Pwd=***"]);
}

#[test]
fn an_open_designer_a_missing_licence_and_a_repository_are_the_platforms_words() {
    let locked = Shop::new();
    locked.set("locked", "");
    locked.run("install", &["--yes"]).expect(1, &["уже открыта Конфигуратором"]);
    for says in [
        "Не найдена лицензия. Не обнаружен ключ защиты программы или полученная программная лицензия!",
        "Загрузка невозможна: текущая конфигурация помещена в хранилище.",
    ] {
        let shop = Shop::new();
        let command = if says.contains("хранилище") { "/LoadConfigFromFiles" } else { "/DumpConfigToFiles" };
        shop.set("fail", &format!("{command} 1 {says}"));
        let before = shop.everything();
        shop.run("install", &["--yes"]).expect(1, &[says]);
        assert_eq!(shop.everything(), before);
    }
}

#[test]
fn forbidden_sessions_and_a_missing_base_are_seen_before_a_process_starts() {
    let shop = Shop::new();
    fs::write(shop.base().join("1Cv8.cdn"), "{1}").expect("a file");
    shop.run("install", &["--yes"]).expect(1, &["1Cv8.cdn"]);
    fs::remove_file(shop.base().join("1Cv8.1CD")).expect("the database");
    shop.run("install", &["--yes"]).expect(1, &["no infobase"]);
    assert!(shop.calls().is_empty());
}

#[test]
fn the_permission_code_opens_a_base_in_which_sessions_are_forbidden() {
    for shop in [Shop::new(), Shop::new().in_cluster()] {
        shop.set("forbidden", "Обновление-7");
        fs::write(shop.base().join("1Cv8.cdn"), "{1,00010101000000,00010101000000,\"\",\"Обновление-7\",\"\"}")
            .expect("a file");
        shop.run("install", &["--yes"]).expect(1, &[]);
        shop.run("install", &["--yes", "--permission-code", "другой"]).expect(1, &["запрещено"]);
        let answer = shop.run("install", &["--yes", "--permission-code", "Обновление-7"]).expect(0, &["/UC ***"]);
        assert!(!answer.text.contains("Обновление-7"));
    }
}

#[test]
fn a_lock_whose_end_has_passed_forbids_nothing() {
    let shop = Shop::new();
    let lock = |from: &str, to: &str| format!("{{1,{from},{to},\"Обновление\",\"Код\",\"\"}}");
    for (from, to) in [("20200101000000", "20200101060000"), ("99990101000000", "99990101060000")] {
        fs::write(shop.base().join("1Cv8.cdn"), lock(from, to)).expect("a file");
        shop.run("install", &["--yes"]).expect(0, &[]);
    }
    for (from, to) in [("20200101000000", "99990101000000"), ("20200101000000", "00010101000000")] {
        fs::write(shop.base().join("1Cv8.cdn"), lock(from, to)).expect("a file");
        shop.run("install", &["--yes"]).expect(1, &["--permission-code", "not touched"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_display_the_way_around_is_named() {
    let shop = Shop::new();
    let output = shop.command("install", &["--yes"]).env_remove("DISPLAY").output().expect("the program runs");
    crate::shop::Answer::of(output).expect(1, &["xvfb-run"]);
    assert!(shop.calls().is_empty());
}

#[test]
fn a_platform_that_is_too_old_or_missing_is_named() {
    let shop = Shop::with_platform("8.3.13.1690");
    shop.run("install", &["--yes"]).expect(1, &["too old", "8.3.13"]);
    let shop = Shop::new();
    fs::remove_dir_all(shop.platform()).expect("the platform");
    shop.run("install", &["--yes"]).expect(1, &["has no Designer"]);
}

#[test]
fn a_designer_that_hangs_is_ended_at_its_deadline() {
    let shop = Shop::new();
    shop.set("fail", "/DumpDBCfgList hang");
    shop.run("install", &["--yes", "--timeout", "2"]).expect(1, &["not done after 2 s"]);
}

#[test]
fn an_update_that_the_users_limit_ends_is_not_undone_on_top() {
    let shop = Shop::new();
    shop.set("fail", "/UpdateDBCfg hang");
    shop.run("install", &["--yes", "--timeout", "2"]).expect(1, &["not done after 2 s", "broken off half-way"]);
    let calls = shop.calls();
    assert_eq!(calls.last().map(String::as_str), Some("/UpdateDBCfg"), "{calls:?}");
    shop.set("fail", "");
    shop.run("install", &["--yes"]).expect(0, &["is installed"]);
}

#[test]
fn ibcmd_that_asks_for_ever_leaves_the_two_boxes() {
    let shop = Shop::new();
    shop.set("users", "Админ\tx\n");
    shop.set("os-user", "");
    let answer = shop.run("install", &["--yes"]).expect(1, &["without end", "Безопасный режим"]);
    assert!(answer.text.len() < 100_000, "{} bytes were printed", answer.text.len());
    assert!(!shop.get("extensions/Passteam/applied/Configuration.xml").is_empty());
}

/// Ends the program itself, as a closed window does.
fn end(mut running: Child) {
    running.kill().expect("killed");
    running.wait().expect("its end");
}

#[test]
fn what_only_reads_ends_with_the_program() {
    for (shop, step, shown) in [
        (Shop::new(), "/CheckModules", "/CheckModules"),
        (Shop::new(), "ibcmd", "config extension list"),
        // The agent and the conversation with it.
        (Shop::new().in_cluster(), "agent", "> config extensions properties get"),
    ] {
        shop.set("fail", &format!("{step} hang"));
        end(shop.start_until_it_hangs("install", &["--yes"], shown));
        shop.wait_until_it_is_free();
        wait_for(|| shop.temporary().read_dir().expect("a folder").next().is_none());
        shop.unset("fail");
        shop.run("install", &["--yes"]).expect(0, &["The extension is installed"]);
    }
}

#[test]
fn what_changes_the_base_finishes_its_step_without_the_program() {
    for step in ["/LoadConfigFromFiles", "/UpdateDBCfg"] {
        let shop = Shop::new();
        shop.set("fail", &format!("{step} hang"));
        let before = in_use(&shop);
        end(shop.start_until_it_hangs("install", &["--yes"], step));
        shop.run("install", &["--yes"]).expect(1, &["уже открыта Конфигуратором"]);
        assert_eq!(in_use(&shop), before, "{step}");

        shop.unset("fail");
        shop.wait_until_it_is_free();
        let which = if step == "/UpdateDBCfg" { "applied" } else { "loaded" };
        assert!(!shop.get(&format!("extensions/Passteam/{which}/Configuration.xml")).is_empty());
        shop.run("install", &["--yes"]).expect(0, &["The extension is installed"]);
        assert!(!shop.get("extensions/Passteam/applied/Configuration.xml").is_empty());
    }
}

#[test]
fn nothing_is_deleted_that_may_have_data() {
    // The second attempt fails too, on an extension that an earlier run loaded.
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.replace_component("0.1.1");
    // The saved copies cannot be written: it cannot be told whether the extension was ever applied.
    shop.set("fail", "/DumpDBCfg 1 На диске недостаточно места\n/UpdateDBCfg 1 занято");
    let before = in_use(&shop);
    shop.run("install", &["--yes"]).expect(1, &["works as before"]);
    assert!(!shop.calls().contains(&"/DeleteCfg".to_owned()));
    let after: Vec<_> = in_use(&shop);
    assert_eq!(after, before);
}

#[test]
fn success_without_a_list_is_no_missing_extension() {
    for list in [
        // No log at all, an empty one, and an empty one beside a question that has no answer either.
        "/DumpDBCfgList silent",
        "/DumpDBCfgList 0",
        "/DumpDBCfgList 0\n/DumpDBCfgList-Extension crash",
    ] {
        let shop = Shop::new();
        shop.run("install", &["--yes"]).expect(0, &[]);
        shop.replace_component("0.1.1");
        shop.set("fail", &format!("{list}\n/UpdateDBCfg 1 занято"));
        shop.unset("calls");
        let before = shop.everything();
        for command in [&["install", "--yes"][..], &["update", "--yes"], &["check"], &["remove", "--with-data"]] {
            shop.run(command[0], &command[1..]).expect(1, &[]);
        }
        let calls = shop.calls();
        let changes = ["/LoadConfigFromFiles", "/DeleteCfg", "/RollbackCfg"];
        assert!(!calls.iter().any(|call| changes.contains(&call.as_str())), "{list}: {calls:?}");
        assert_eq!(shop.everything(), before, "{list}");
    }
}

#[test]
fn what_the_database_has_is_not_deleted_even_if_it_was_taken_for_missing() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.replace_component("0.1.1");
    // Both answers are wrong, once.
    shop.set("fail", "once /DumpDBCfgList 0\nonce /DumpDBCfgList-Extension 1 не найдено\n/UpdateDBCfg 1 занято");
    let applied = shop.get("extensions/Passteam/applied/Configuration.xml");
    shop.run("install", &["--yes"]).expect(1, &["занято", "works as before"]);
    assert!(!shop.calls().contains(&"/DeleteCfg".to_owned()));
    assert_eq!(shop.get("extensions/Passteam/applied/Configuration.xml"), applied);
}

#[test]
fn an_entry_that_cannot_be_read_has_a_way_out() {
    let shop = Shop::new();
    // What a load leaves that was broken off: an entry without files.
    shop.set("extensions/Passteam/properties", "active yes\nsafe-mode yes\n");
    let before = shop.everything();
    for command in [&["install", "--yes"][..], &["update", "--yes"], &["check"], &["remove", "--with-data"]] {
        shop.run(command[0], &command[1..]).expect(1, &["ConfigCAS", "delete Passteam in the Designer"]);
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn what_cannot_be_verified_is_not_called_missing() {
    let shop = Shop::new();
    shop.set("fail", "/DumpDBCfg 1 На диске недостаточно места");
    shop.run("install", &["--yes"]).expect(1, &["На диске недостаточно места", "could not be verified", "check"]);
    shop.run("check", &[]).expect(1, &["could not be verified"]);
    shop.run("cfe", &["--out", "Passteam.cfe"]).expect(1, &["could not be verified"]);
    shop.set("fail", "");
    shop.run("install", &["--yes"]).expect(0, &["nothing to load"]);
}

#[test]
fn wrong_arguments_start_nothing() {
    let shop = Shop::new();
    shop.run("install", &["--yes", "--nonsense"]).expect(2, &["--nonsense"]);
    shop.run("remove", &[]).expect(2, &["--with-data"]);
    assert!(shop.calls().is_empty());
}
