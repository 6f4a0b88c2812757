//! `check`: it names everything that keeps the extension from working, and changes nothing.

use crate::shop::Shop;

#[test]
fn a_base_without_the_extension_is_told_from_one_that_works() {
    let shop = Shop::new();
    shop.run("check", &[]).expect(1, &["not installed"]);
    shop.run("install", &["--yes"]).expect(0, &[]);
    let before = shop.everything();
    shop.run("check", &[]).expect(0, &[env!("CARGO_PKG_VERSION"), "8.3.24.1342", "0.1.0", "applies", "are off"]);
    assert_eq!(shop.everything(), before);
}

#[test]
fn boxes_that_are_set_and_a_switched_off_extension_are_named() {
    let shop = Shop::new();
    shop.run("install", &[]).expect(1, &[]);
    shop.run("check", &[]).expect(1, &["Безопасный режим"]);
    shop.set("extensions/Passteam/properties", "active no\nsafe-mode no\nunsafe-action-protection no\n");
    shop.run("check", &[]).expect(1, &["switched off", "Активно"]);
}

#[test]
fn what_was_loaded_and_not_applied_is_named() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    let module = "extensions/Passteam/loaded/CommonModules/ОчередьPassteam/Ext/Module.bsl";
    shop.set(module, "// новое\r\n");
    shop.run("check", &[]).expect(1, &["not applied"]);
}

#[test]
fn a_base_that_changed_its_mode_is_named() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    let shop = shop.with_mode("Version8_3_24");
    shop.run("check", &[]).expect(1, &["Version8_3_16", "Version8_3_24"]);
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.run("check", &[]).expect(0, &[]);
}

#[test]
fn distributed_infobases_and_the_catalogue_of_components_are_named() {
    let shop = Shop::new().with_object("ExchangePlan", "РИБМагазины").with_object("ExchangePlan", "ОбменСБухгалтерией");
    let shop = shop.with_object("Catalog", "ВнешниеКомпоненты");
    shop.run("install", &["--yes"]).expect(0, &["Внешние компоненты", "РИБМагазины", "central node"]);
    let answer =
        shop.run("check", &[]).expect(0, &["РИБМагазины", "central node", "The property is off", "Внешние компоненты"]);
    assert!(!answer.text.contains("infobase: РИБМагазины, Обмен") && !answer.text.contains("ОбменСБухгалтерией."));
}

#[test]
fn in_a_cluster_the_agent_reads_the_properties() {
    let shop = Shop::new().in_cluster();
    shop.run("install", &[]).expect(1, &[]);
    shop.run("check", &[]).expect(1, &["Безопасный режим"]);
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.run("check", &[]).expect(0, &["protection from dangerous actions are off"]);
}

#[test]
fn an_extension_that_does_not_apply_is_an_error() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.set("fail", "/CheckCanApplyConfigurationExtensions 1 Не найден объект");
    shop.run("check", &[]).expect(1, &["Не найден объект"]);
}
