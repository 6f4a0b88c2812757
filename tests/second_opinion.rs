//! The component as seen by a host that was compiled in C++ against the official headers (crate `addin1c-test`): class, memory
//! manager, properties, functions. That host does no more.

use addin1c_test::{TestAddinLib, Variant};
use testkit::{Peer, http};

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn name(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn string(text: &str) -> Variant {
    Variant::new_str(&units(text))
}

#[test]
fn a_host_of_the_official_headers_sees_the_same_component() {
    let peer = Peer::answering(http(200, &[], r#"{"code":200,"result":{"cardId":"abc","cardUrl":"https://x"}}"#));
    let library = TestAddinLib::new(addin_testkit::library()).unwrap();
    let object = library.new_addin("Passteam").unwrap();
    let text =
        |property: &str| String::from_utf16(object.get_property(&name(property)).unwrap().get_str().unwrap()).unwrap();

    assert_eq!(text("Версия"), env!("CARGO_PKG_VERSION"));
    for (property, value) in
        [("Token", "t"), ("TemplateId", "x"), ("ServerUrl", peer.url().as_str()), ("Proxy", "direct")]
    {
        object.set_property(&name(property), &string(value)).unwrap();
    }
    object.set_property(&name("Таймаут"), &Variant::new_f64(2.5)).unwrap();
    assert_eq!(object.get_property(&name("Timeout")).unwrap().get_f64(), Some(2.5));
    object.set_property(&name("Retries"), &Variant::new_i32(0)).unwrap();
    assert_eq!(object.get_property(&name("Повторы")).unwrap().get_i32(), Some(0));
    assert!(object.set_property(&name("Timeout"), &string("x")).is_err());
    assert!(object.get_property(&name("Token")).is_err());

    let created = object.call_as_func(&name("СоздатьКарту"), &mut [string(r#"{"PHONE":"+7"}"#)]).unwrap();
    assert_eq!(created.get_bool(), Some(true));
    assert_eq!(text("CardId"), "abc");
    assert!(object.call_as_func(&name("UpdateCard"), &mut [string(""), string("")]).is_err());
    assert_eq!(text("ErrorKind"), "Misuse");
}
