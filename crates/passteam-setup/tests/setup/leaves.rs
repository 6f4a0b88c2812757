//! `remove` and `cfe`: what leaves the base, and what stays.

use crate::shop::Shop;

#[test]
fn it_is_removed_with_its_data_after_it_was_saved() {
    let shop = Shop::new();
    shop.set("extensions/А/loaded/Configuration.xml", "первое по алфавиту");
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.run("remove", &["--with-data"]).expect(0, &["removed with its data"]);
    assert!(shop.work().join(format!("Passteam-{}.cfe", env!("CARGO_PKG_VERSION"))).is_file());
    assert!(!shop.everything().keys().any(|name| name.contains("Passteam")));
    assert_eq!(shop.get("extensions/А/loaded/Configuration.xml"), "первое по алфавиту");
    shop.run("remove", &["--with-data"]).expect(0, &["nothing to remove"]);
}

#[test]
fn without_a_saved_copy_nothing_is_deleted() {
    let shop = Shop::new();
    shop.run("install", &["--yes"]).expect(0, &[]);
    std::fs::write(shop.work().join("taken.cfe"), "другое").expect("a file");
    let before = shop.everything();
    shop.run("remove", &["--with-data", "--out", "taken.cfe"]).expect(1, &["exists"]);
    assert_eq!(shop.everything(), before);
    shop.set("fail", "/DumpCfg 1 На диске недостаточно места");
    shop.run("remove", &["--with-data"]).expect(1, &["На диске недостаточно места"]);
    assert!(!shop.calls().contains(&"/DeleteCfg".to_owned()));
}

#[test]
fn a_ready_cfe_comes_from_a_base_that_has_the_extension() {
    let shop = Shop::new();
    shop.run("cfe", &["--out", "Passteam.cfe"]).expect(1, &["not installed"]);
    shop.run("install", &["--yes"]).expect(0, &[]);
    shop.run("cfe", &["--out", "Passteam.cfe"]).expect(0, &["Добавить из файла"]);
    assert!(shop.work().join("Passteam.cfe").is_file());
    shop.run("cfe", &["--out", "Passteam.cfe"]).expect(1, &["exists"]);
}
