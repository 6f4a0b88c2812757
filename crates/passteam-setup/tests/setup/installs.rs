//! `install` and `update` when nothing goes wrong, and what they refuse before they touch the base.

use std::fs;

use crate::shop::{Answer, PASSWORD, Shop};

const LOAD: [&str; 4] =
    ["/LoadConfigFromFiles", "/CheckCanApplyConfigurationExtensions", "/CheckModules", "/UpdateDBCfg"];

#[test]
fn one_command_installs_and_the_second_changes_nothing() {
    let shop = Shop::new();
    let main = shop.get("main/Configuration.xml");
    shop.run("install", &["--yes"])
        .expect(0, &["8.3.16", "2.17", "cardId", "The extension is installed", "Проверить подключение"]);
    assert_eq!(shop.calls().iter().filter(|call| LOAD.contains(&call.as_str())).count(), LOAD.len());
    assert!(shop.get("extensions/Passteam/properties").contains("\nsafe-mode no\nunsafe-action-protection no\n"));
    let root = shop.get("extensions/Passteam/applied/Configuration.xml");
    assert!(root.contains("version=\"2.17\"") && root.contains("<ScheduledJob>"), "{root}");
    assert!(
        shop.get("extensions/Passteam/applied/CommonTemplates/КомпонентаPassteam/Ext/Template.bin")
            .contains("passteam-0.1.0")
    );

    assert_eq!(shop.temporary().read_dir().expect("a folder").count(), 0, "temporary files are left");

    let before = shop.everything();
    shop.unset("calls");
    shop.run("install", &["--yes"]).expect(0, &["nothing to load"]);
    let again = shop.calls();
    assert!(again.iter().all(|call| !LOAD.contains(&call.as_str()) && !call.contains("update")), "{again:?}");
    assert_eq!(shop.everything(), before);
    assert_eq!(shop.get("main/Configuration.xml"), main);
}

#[test]
fn relative_paths_lead_from_the_folder_in_which_the_program_was_started() {
    let shop = Shop::new().with_relative_paths();
    shop.run("install", &["--yes"]).expect(0, &["The extension is installed"]);
    shop.run("check", &[]).expect(0, &[]);
}

#[test]
fn every_process_gets_one_command_its_own_folder_and_the_user() {
    let shop = Shop::new().with_user();
    let answer = shop.run("install", &["--yes"]).expect(0, &["/P ***", "--password=***", "command line"]);
    let calls = shop.get("calls");
    assert!(calls.contains(PASSWORD) && !answer.text.contains(PASSWORD));
    for line in calls.lines().filter(|line| line.starts_with("1cv8")) {
        assert_eq!(line.matches("/Out ").count(), 1, "{line}");
        assert!(line.contains(" /N Админ /P ") && line.contains(" /WA- "), "{line}");
    }
    let mut outs: Vec<_> = calls.lines().filter_map(|line| line.split("/Out ").nth(1)).collect();
    let all = outs.len();
    outs.sort_unstable();
    outs.dedup();
    assert_eq!(outs.len(), all, "two processes share a folder");
}

#[test]
fn without_an_answer_the_two_boxes_are_left_to_a_person() {
    let shop = Shop::new();
    shop.run("install", &[]).expect(1, &["Безопасный режим", "Защита от опасных действий"]);
    assert!(shop.get("extensions/Passteam/properties").contains("safe-mode yes"));
    shop.run("install", &["--yes"]).expect(0, &["nothing to load"]);
    assert!(shop.get("extensions/Passteam/properties").contains("safe-mode no"));
}

#[test]
fn in_a_cluster_the_agent_turns_the_protection_off() {
    for shop in [Shop::new().in_cluster(), Shop::new().in_cluster().with_user()] {
        shop.run("install", &["--yes"]).expect(0, &["Srvr=srv;Ref=retail", "/AgentMode", "is installed"]);
        let (calls, properties) = (shop.get("calls"), shop.get("extensions/Passteam/properties"));
        assert!(!calls.contains("ibcmd"), "ibcmd goes past the cluster: {calls}");
        assert!(calls.contains("/S srv\\retail"), "{calls}");
        assert!(
            properties.contains("safe-mode no") && properties.contains("unsafe-action-protection no"),
            "{properties}"
        );
        shop.run("install", &["--yes"]).expect(0, &["nothing to load"]);
        assert_eq!(shop.get("calls").matches("properties set").count(), 1, "what is off is not turned off again");
    }
}

#[test]
fn the_agent_gets_the_password_by_its_own_way() {
    let shop = Shop::new().in_cluster().with_user();
    shop.run("install", &["--yes"]).expect(0, &[]);
    let calls = shop.get("calls");
    let agent = calls.lines().find(|line| line.contains("/AgentMode")).expect("an agent");
    assert!(!agent.contains(PASSWORD) && !agent.contains("/P"), "{agent}");
    assert!(agent.contains("/AgentListenAddress 127.0.0.1"), "{agent}");
}

#[test]
fn a_user_whose_name_has_brackets_reaches_the_agent() {
    let shop = Shop::new().in_cluster().with_user_named("Иванов (администратор)");
    shop.run("install", &["--yes"]).expect(0, &["is installed"]);
}

#[test]
fn without_an_answer_a_cluster_keeps_its_protection() {
    let shop = Shop::new().in_cluster();
    shop.run("install", &[]).expect(1, &["Безопасный режим", "Защита от опасных действий"]);
    assert!(shop.get("extensions/Passteam/properties").contains("safe-mode yes"));
}

#[test]
fn an_agent_that_fails_leaves_the_two_boxes_to_a_person() {
    for (failure, said) in [
        ("/AgentMode 1 Неизвестный параметр", "Неизвестный параметр"),
        ("agent 1 AdministrationAccessRightRequired", "AdministrationAccessRightRequired"),
    ] {
        let shop = Shop::new().in_cluster();
        shop.set("fail", failure);
        shop.run("install", &["--yes"]).expect(1, &[said, "Безопасный режим"]);
        assert!(!shop.get("extensions/Passteam/applied/Configuration.xml").is_empty(), "{failure}");
    }
}

#[test]
fn where_ibcmd_fails_the_agent_takes_its_place() {
    for shop in [Shop::new(), Shop::new().with_user()] {
        shop.set("fail", "ibcmd 2 Указана неполная команда");
        shop.run("install", &["--yes"]).expect(0, &["Указана неполная команда", "/AgentMode", "is installed"]);
        assert!(shop.get("extensions/Passteam/properties").contains("\nsafe-mode no\nunsafe-action-protection no\n"));
        assert_eq!(
            shop.get("calls").lines().filter(|line| line.starts_with("ibcmd")).count(),
            1,
            "it is not tried again"
        );
        shop.run("check", &[]).expect(0, &["are off"]);
    }
}

#[test]
fn an_openssh_that_is_too_old_leaves_the_two_boxes_to_a_person() {
    let shop = Shop::new().in_cluster();
    let output = shop.command("install", &["--yes"]).env("STAND_IN_SSH", "8.1p1").output().expect("the program runs");
    Answer::of(output).expect(1, &["Безопасный режим"]);
    assert!(!shop.get("calls").contains("/AgentMode"));
}

#[test]
fn the_extension_gets_the_bases_mode() {
    let shop = Shop::with_platform("8.3.27.1508").with_mode("Version8_3_21");
    shop.run("install", &["--yes"]).expect(0, &["8.3.21", "2.20"]);
    let root = shop.get("extensions/Passteam/applied/Configuration.xml");
    assert!(root.contains("<ConfigurationExtensionCompatibilityMode>Version8_3_21<"), "{root}");
}

#[test]
fn a_component_of_another_build_is_loaded_again() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.replace_component("0.1.1");
    shop.run("install", &["--yes"]).expect(0, &["/LoadConfigFromFiles"]);
    assert!(
        shop.get("extensions/Passteam/applied/CommonTemplates/КомпонентаPassteam/Ext/Template.bin").contains("0.1.1")
    );
}

#[test]
fn an_older_version_is_updated_and_a_newer_one_is_kept() {
    let shop = Shop::new();
    shop.run("update", &["--yes"]).expect(1, &["not in the base"]);
    shop.run("install", &["--yes"]).expect(0, &[]);
    let version = format!("<Version>{}<", env!("CARGO_PKG_VERSION"));

    shop.change_installed("Configuration.xml", &version, "<Version>0.0.9<");
    shop.run("install", &["--yes"]).expect(1, &["0.0.9", "update"]);
    shop.run("update", &["--yes"]).expect(0, &["The extension is installed"]);
    assert!(shop.get("extensions/Passteam/applied/Configuration.xml").contains(&version));

    shop.change_installed("Configuration.xml", &version, "<Version>99.0<");
    let before = shop.everything();
    for command in ["install", "update"] {
        shop.run(command, &["--yes"]).expect(1, &["99.0", "not touched"]);
    }
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_base_that_does_not_fit_is_refused_and_not_touched() {
    let card = "Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl";
    let points = "AccumulationRegisters/БонусныеБаллы/Ext/RecordSetModule.bsl";
    for (shop, parts) in [
        (Shop::new().with_mode("Version8_3_13"), ["8.3.14", "Version8_3_13"]),
        (Shop::new().with_locks("Automatic"), ["lock control mode", "Automatic"]),
        (Shop::new().without_object("БонусныеБаллы"), ["AccumulationRegister.БонусныеБаллы", "Розница"]),
        (
            Shop::new().with_object("CommonModule", "ИнтеграцияPassteam"),
            ["CommonModule.ИнтеграцияPassteam", "handmade"],
        ),
        (
            Shop::new()
                .with_object("CommonModule", "НаступившиеСрокиPassteam")
                .with_object("EventSubscription", "КартаЗаписанаPASSTEAM"),
            ["CommonModule.НаступившиеСрокиPassteam\n", "EventSubscription.КартаЗаписанаPASSTEAM"],
        ),
        (
            Shop::new().with_module(card, "\u{FEFF}\r\nПроцедура Х()\r\n\tUpdateCard();\r\nКонецПроцедуры"),
            ["Справочник.ИнформационныеКарты, ObjectModule.bsl 3: UpdateCard();", "twice"],
        ),
        (
            Shop::new().with_module(points, "К = Новый(\"AddIn.Карты.Passteam\");"),
            ["РегистрНакопления.БонусныеБаллы, RecordSetModule.bsl 1", "twice"],
        ),
    ] {
        let before = shop.everything();
        shop.run("install", &["--yes"]).expect(1, &parts).expect(1, &["not touched"]);
        assert_eq!(shop.everything(), before);
    }
}

#[test]
fn a_mention_of_the_service_in_a_comment_is_no_obstacle() {
    let module = "// UpdateCard(); https://getpass.passteam.ru\r\nПроцедура ПередЗаписью(Отказ)\r\nКонецПроцедуры";
    let shop = Shop::new().with_module("Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl", module);
    shop.run("install", &["--yes"]).expect(0, &[]);
}

#[test]
fn an_object_that_the_shop_named_so_later_stops_no_update() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    let shop = shop.with_object("Report", "КартыPassteamЗаМесяц");
    shop.run("check", &[]).expect(0, &[]);
    shop.run("update", &["--yes"]).expect(0, &["nothing to load"]);
}

#[test]
fn a_module_without_its_text_is_named() {
    let shop = Shop::new().with_module("Catalogs/ИнформационныеКарты/Ext/ObjectModule.bin", "");
    shop.run("install", &["--yes"])
        .expect(0, &["Справочник.ИнформационныеКарты, ObjectModule.bsl", "without its text"]);
}

#[test]
fn other_extensions_stay_as_they_are() {
    let shop = Shop::new();
    shop.set("extensions/Аптека/loaded/Configuration.xml", "чужое");
    shop.set("extensions/Аптека/properties", "active yes\nsafe-mode yes\n");
    shop.run("install", &["--yes"]).expect(0, &[]);
    assert_eq!(shop.get("extensions/Аптека/loaded/Configuration.xml"), "чужое");
    assert!(shop.get("extensions/Аптека/properties").contains("safe-mode yes"));
}

#[test]
fn another_extension_of_the_same_name_is_not_replaced() {
    let shop = Shop::new();
    shop.set(
        "extensions/Passteam/loaded/Configuration.xml",
        "<Configuration uuid=\"2\"><Name>Passteam</Name></Configuration>",
    );
    let before = shop.everything();
    shop.run("install", &["--yes"]).expect(1, &["another extension named Passteam"]);
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_log_in_the_systems_code_page_is_shown_in_letters() {
    let shop = Shop::new();
    shop.set("encoding", "windows-1251");
    shop.run("install", &["--yes"]).expect(0, &["Обновление конфигурации успешно завершено"]);
}

#[test]
fn in_russian_everything_is_russian() {
    let shop = Shop::new();
    shop.run("install", &["--yes", "--lang", "ru"])
        .expect(0, &["Расширение установлено.", "Дальше:", "раздел «Passteam»"]);
}

#[test]
fn before_8_3_23_an_external_data_processor_takes_the_jobs_place() {
    let shop = Shop::with_platform("8.3.22.1923");
    let left = ["ПередачаКартPassteam.epf", "Дополнительные отчеты и обработки", "works only after"];
    shop.run("install", &["--yes"]).expect(1, &left);
    assert!(shop.work().join("ПередачаКартPassteam.epf").is_file());
    let root = shop.get("extensions/Passteam/applied/Configuration.xml");
    assert!(root.contains("version=\"2.15\"") && !root.contains("<ScheduledJob>"), "{root}");

    let oldest = Shop::with_platform("8.3.14.2095").with_mode("Version8_3_14");
    oldest.run("install", &["--yes"]).expect(1, &["2.8"]);
    assert!(!oldest.get("extensions/Passteam/applied/Configuration.xml").contains("KeepMapping"));
}

#[test]
fn an_external_data_processor_that_is_there_is_never_written_over() {
    let shop = Shop::with_platform("8.3.22.1923");
    shop.run("install", &["--yes"]).expect(1, &[]);
    let processor = shop.work().join("ПередачаКартPassteam.epf");
    fs::write(&processor, "registered").expect("a file");
    shop.run("install", &["--yes"]).expect(0, &["built already"]);

    shop.replace_component("0.1.1");
    let before = shop.everything();
    shop.run("install", &["--yes"]).expect(1, &["exists", "not touched"]);
    assert_eq!(shop.everything(), before);
    assert_eq!(fs::read_to_string(&processor).expect("a file"), "registered");
    shop.run("install", &["--yes", "--out", "new.epf"]).expect(1, &["new.epf"]);
    assert!(shop.work().join("new.epf").is_file());
}

#[test]
fn for_a_chain_with_an_older_node_the_jobs_are_left_out() {
    let shop = Shop::new();
    shop.run("install", &["--yes", "--without-jobs"]).expect(1, &["ПередачаКартPassteam.epf"]);
    assert!(shop.work().join("ПередачаКартPassteam.epf").is_file());
    let root = shop.get("extensions/Passteam/applied/Configuration.xml");
    assert!(root.contains("version=\"2.17\"") && !root.contains("<ScheduledJob>"), "{root}");
    shop.run("install", &["--yes", "--without-jobs"]).expect(0, &["nothing to load"]);
    shop.run("remove", &["--with-data"]).expect(0, &["ПередачаКартPassteam"]);
}

#[test]
fn extracted_files_are_the_ones_for_the_asked_platform() {
    let shop = Shop::new();
    let out = shop.work().join("out");
    shop.run("extract", &["--out", "out"]).expect(0, &["8.3.16", "2.9", "8.3.23"]);
    let root = fs::read_to_string(out.join("Configuration.xml")).expect("a root");
    assert!(root.contains("version=\"2.9\"") && root.contains("<ScheduledJob>"));
    assert!(out.join("CommonTemplates/КомпонентаPassteam/Ext/Template.bin").is_file());
    shop.run("extract", &["--out", "out"]).expect(1, &["not empty"]);

    shop.run("extract", &["--out", "old", "--platform", "8.3.22", "--format", "2.15"]).expect(0, &["scheduled"]);
    let root = fs::read_to_string(shop.work().join("old/Configuration.xml")).expect("a root");
    assert!(root.contains("version=\"2.15\"") && !root.contains("<ScheduledJob>"));
    assert!(!shop.work().join("old/ScheduledJobs").exists());
    assert!(shop.work().join("old/scheduled/ПередачаКартPassteam.xml").is_file());
}
