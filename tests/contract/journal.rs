use std::fs;

use addin_testkit::shop::{PHONE, TOKEN, call, component_for, create, sandbox, text};
use serde_json::json;
use testkit::eventually;

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

    // A slow disk gets the lines a little later.
    eventually("five lines", || fs::read_to_string(&path).unwrap_or_default().lines().count() >= 5);
    let journal = fs::read_to_string(&path).unwrap();
    let lines: Vec<Vec<&str>> = journal.lines().map(|line| line.split(' ').collect()).collect();
    let entries: Vec<_> = lines.iter().map(|words| (words[1], words[2], words[3], *words.last().unwrap())).collect();
    let card = format!("card={id}");
    assert_eq!(
        entries,
        [
            ("createcard", "OK", "code=200", card.as_str()),
            ("updatecard", "NotFound", "code=404", "card=unknown"),
            ("updatecard", "OK", "code=200", card.as_str()),
            ("updatecard", "NotFound", "code=404", "card=other"),
            ("UpdateCards", "entries=2", lines[4][3], "NotFound=1"),
            ("gettemplates", "OK", "code=200", "card=-"),
        ]
    );
    assert!(lines[4][3].starts_with("seconds=0.") && lines[4][4] == "OK=1", "{journal}");
    for words in &lines {
        assert!(is_local_time(words[0]), "local time with its offset: {}", words[0]);
    }
    for hidden in [TOKEN, PHONE, "Иванов"] {
        assert!(!journal.contains(hidden));
    }
}

/// Whether a text looks like `2026-11-24T19:40:12.345+03:00`.
fn is_local_time(text: &str) -> bool {
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

/// What the stand-ins for the host's disk and environment show.
#[cfg(target_os = "linux")]
mod hosts {
    use std::fs;
    use std::path::Path;
    use std::thread;

    use addin_testkit::apart;
    use addin_testkit::shop::{PHONE, ca_file, call, component_for, create, exception, sandbox, sandbox_with, text};
    use passteam_sandbox::{Options, Tls};
    use serde_json::json;
    use testkit::{disk, environment, eventually, test_path};

    /// The lines of a journal.
    fn lines(path: &Path) -> usize {
        fs::read_to_string(path).unwrap_or_default().lines().count()
    }

    /// A host may change its environment at any time, and who reads it meanwhile crashes.
    #[test]
    fn no_line_reads_the_environment() {
        const CALLS: usize = 300;
        let folder = tempfile::tempdir().unwrap();
        let path = test_path!(no_line_reads_the_environment);
        if apart::rerun(path, |command| environment::preload(command, folder.path())).is_some() {
            return;
        }
        let (journal, secure_journal) = (folder.path().join("a.log"), folder.path().join("b.log"));
        let secure = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
        let (plain, ca_file) = (sandbox(), ca_file(&secure, folder.path()));
        let object = component_for(&plain.url());
        object.set("LogFile", journal.to_str().unwrap()).unwrap();
        // The first call of the process may still read.
        assert!(call(&object, "CallMethod", &["gettemplates".into()]));

        let readers = environment::begin();
        for _ in 0..CALLS {
            assert!(call(&object, "CallMethod", &["gettemplates".into()]));
        }
        // What else may read: a new object, the system's proxy, the roots, a name, a batch, an exception.
        let other = component_for(&secure.url());
        other.set("CertificateFile", ca_file).unwrap();
        other.set("LogFile", secure_journal.to_str().unwrap()).unwrap();
        other.set("Proxy", "").unwrap();
        other.function("UpdateCards", &[r#"[{"cardId": "a"}, {"cardId": "b"}]"#.into()]).unwrap();
        exception(other.function("UpdateCards", &["5".into()]));
        // A loaded library may have any name; the test's own program may read what it likes.
        let program = std::env::current_exe().unwrap();
        let by_others = |line: &String| !line.contains(program.file_name().unwrap().to_str().unwrap());
        assert_eq!(readers.so_far().into_iter().filter(by_others).collect::<Vec<_>>(), [""; 0]);
        eventually("every line", || lines(&journal) == 1 + CALLS && lines(&secure_journal) == 3);
    }

    /// Two objects with one journal on a disk that does not answer.
    #[test]
    fn a_disk_that_does_not_answer_holds_no_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = test_path!(a_disk_that_does_not_answer_holds_no_call);
        if apart::rerun(path, |command| disk::preload(command, folder.path())).is_some() {
            return;
        }
        let journal = disk::folder().join("passteam.log");
        let sandbox = sandbox();
        let object = || {
            let object = component_for(&sandbox.url());
            object.set("LogFile", journal.to_str().unwrap()).unwrap();
            object.set("Timeout", 60).unwrap();
            object
        };
        let (first, second) = (object(), object());
        create(&first, PHONE);
        assert_eq!(lines(&journal), 1, "a disk that answers has the line when the call returns");

        let size = || fs::metadata(&journal).unwrap().len();
        let size_before = size();
        disk::stall();
        let cards: Vec<_> = (0..200).map(|number| json!({"cardId": number.to_string()})).collect();
        let cards = json!(cards).to_string();
        thread::scope(|scope| {
            let batch = scope.spawn(|| first.function("UpdateCards", &[cards.into(), 8.into()]).unwrap());
            for _ in 0..5 {
                assert!(call(&second, "CallMethod", &["gettemplates".into()]), "{}", text(&second, "Result"));
            }
            batch.join().unwrap();
        });
        // All calls have returned, and the disk has not answered yet. To open the file would wait for it.
        assert_eq!(size(), size_before);
        disk::answer();
        eventually("nothing is lost", || lines(&journal) == 1 + 200 + 1 + 5);
    }
}
