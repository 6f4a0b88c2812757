use std::fs;

use serde_json::json;

use crate::shop::{PHONE, TOKEN, call, component_for, create, sandbox, text};

#[test]
fn the_journal_has_a_line_per_request_and_nothing_of_the_customer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passteam.log");
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    assert_eq!(text(&object, "LogFile"), "");
    object.set("ФайлЖурнала", path.to_str().unwrap()).unwrap();
    assert_eq!(text(&object, "LogFile"), path.to_str().unwrap());

    object.procedure("SetValue", &["CLIENT_NAME".into(), "Иванов".into()]).unwrap();
    let id = create(&object, PHONE);
    assert!(!call(&object, "UpdateCard", &["unknown".into()]));
    object
        .function("UpdateCards", &[json!([{"cardId": id}, {"cardId": "other"}]).to_string().into(), 1.into()])
        .unwrap();
    assert!(call(&object, "CallMethod", &["gettemplates".into()]));

    let journal = fs::read_to_string(&path).unwrap();
    let lines: Vec<Vec<&str>> = journal.lines().map(|line| line.split(' ').collect()).collect();
    let told: Vec<_> = lines.iter().map(|words| (words[1], words[2], words[3], *words.last().unwrap())).collect();
    let card = format!("card={id}");
    assert_eq!(
        told,
        [
            ("createcard", "OK", "code=200", card.as_str()),
            ("updatecard", "NotFound", "code=404", "card=unknown"),
            ("updatecard", "OK", "code=200", card.as_str()),
            ("updatecard", "NotFound", "code=404", "card=other"),
            ("gettemplates", "OK", "code=200", "card=-"),
        ]
    );
    for words in &lines {
        assert!(chrono_like(words[0]), "local time with its offset: {}", words[0]);
    }
    for hidden in [TOKEN, PHONE, "Иванов"] {
        assert!(!journal.contains(hidden));
    }
}

/// `2026-11-24T19:40:12.345+03:00`
fn chrono_like(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ["0000-00-00T00:00:00.000+00:00", "0000-00-00T00:00:00.000-00:00"].contains(&shape.as_str())
}

#[test]
fn a_journal_that_cannot_be_written_makes_no_call_fail() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for path in [folder.path().to_path_buf(), folder.path().join("missing").join("x.log")] {
        object.set("LogFile", path.to_str().unwrap()).unwrap();
        assert!(call(&object, "CallMethod", &["gettemplates".into()]));
    }
    assert!(object.set("LogFile", 5).is_err());
}
