use std::time::{Duration, Instant};

use addin_host::Value;
use addin_testkit::shop::{PHONE, component_for, create, exception, number, sandbox, text};
use serde_json::json;

#[test]
fn the_limit_is_a_whole_number_and_none_at_first() {
    let object = component_for("http://127.0.0.1:1");
    assert_eq!(number(&object, "RequestsPerMinute"), 0.0);
    for value in [1, 100_000, 0, 60] {
        object.set("ЗапросовВМинуту", value).unwrap();
        assert_eq!(number(&object, "RequestsPerMinute"), f64::from(value));
    }
    for bad in [Value::I4(-1), Value::I4(100_001), Value::R8(1.5), "60".into(), true.into(), Value::R8(f64::NAN)] {
        let description = exception(object.set("RequestsPerMinute", bad.clone()));
        assert!(description.contains("ЗапросовВМинуту"), "{bad:?}: {description}");
        assert_eq!(number(&object, "RequestsPerMinute"), 60.0, "the old value stays");
    }
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
}

/// Of several requests each but the first waits for its turn.
#[test]
fn batches_keep_the_limit_and_single_calls_count_towards_it() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    // A turn every 0.2 s.
    object.set("RequestsPerMinute", 300).unwrap();
    let id = create(&object, PHONE);
    let cards = json!([{"cardId": id}, {"cardId": "a"}, {"cardId": "b"}]).to_string();
    let start = Instant::now();
    object.function("UpdateCards", &[cards.into(), 8.into()]).unwrap();
    // The creation took the turn before these three; a little of its own time may have passed since.
    assert!(start.elapsed() > Duration::from_millis(400), "{:?}", start.elapsed());
    assert_eq!(sandbox.requests().len(), 4);
    let new = r#"[{"key": "1", "values": {"PHONE": "+79000000007"}}]"#;
    let start = Instant::now();
    object.function("CreateCards", &[new.into()]).unwrap();
    object.function("CreateCards", &["[]".into()]).unwrap();
    object.function("CreateCards", &[new.into()]).unwrap();
    assert!(start.elapsed() > Duration::from_millis(200), "{:?}", start.elapsed());
}
