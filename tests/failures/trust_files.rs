//! Files of trusted certificates: on a disk that does not answer, malformed, or written while the process runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use addin_host::Object;
use addin_testkit::apart;
use addin_testkit::shop::{self, text};
use tempfile::TempDir;
use testkit::{Authority, Peer, http, test_path};

use crate::table::attempt;

/// What a call succeeds with.
const ANSWER: &str = r#"{"code": 200, "result": {"cardId": "c1"}}"#;
/// Much longer than anything here takes.
const LONG: f64 = 120.0;
const CERTIFICATE_FILE: &str = "SSL_CERT_FILE";

/// A service over TLS, and an object for it that trusts it only through the environment.
fn service(authority: &Authority) -> (Peer, Object) {
    let answer = http(200, &[], ANSWER);
    let peer = Peer::tls(authority.server("localhost"), move |mut connection| connection.answer_all(&answer));
    let object = shop::component_for(&peer.url());
    object.set("Timeout", LONG).unwrap();
    object.set("Retries", 0).unwrap();
    (peer, object)
}

fn assert_success(object: &Object) {
    assert!(attempt(object, "UpdateCard"), "{}", text(object, "Result"));
}

fn assert_fails(object: &Object, kind: &str) {
    assert!(!attempt(object, "UpdateCard"));
    assert_eq!(text(object, "ErrorKind"), kind, "{}", text(object, "ErrorDescription"));
}

/// Where the environment says that further authorities are.
fn named_file() -> std::path::PathBuf {
    std::env::var_os(CERTIFICATE_FILE).unwrap().into()
}

/// Runs a test in a process whose environment names a file, which does not exist yet.
fn rerun(path: &str, file: &str, prepare: impl FnOnce(&mut Command, &Path)) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let output = apart::rerun(path, |command| {
        command.env(CERTIFICATE_FILE, folder.path().join(file)).env_remove("SSL_CERT_DIR");
        prepare(command, folder.path());
    });
    output.is_some()
}

#[test]
fn an_authority_that_is_installed_while_the_process_runs_is_found_after_a_failed_call() {
    let path = test_path!(an_authority_that_is_installed_while_the_process_runs_is_found_after_a_failed_call);
    if rerun(path, "ca.pem", |_, _| ()) {
        return;
    }
    let (first, second) = (Authority::named("First CA"), Authority::named("Second CA"));
    let ((_first_peer, of_the_first), (_second_peer, of_the_second)) = (service(&first), service(&second));
    assert_fails(&of_the_first, "Certificate");
    fs::write(named_file(), first.pem()).unwrap();
    assert_success(&of_the_first);
    assert_fails(&of_the_second, "Certificate");
    fs::write(named_file(), first.pem() + &second.pem()).unwrap();
    assert_success(&of_the_second);
    assert_success(&of_the_first);
}

#[test]
fn malformed_certificates_beside_a_good_one_do_no_harm() {
    if rerun(test_path!(malformed_certificates_beside_a_good_one_do_no_harm), "ca.pem", |_, _| ()) {
        return;
    }
    let authority = Authority::named("Test CA");
    let pem = authority.pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let block = |base64: &str| format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    // Four letters are three bytes.
    let places = (0..base64.len()).step_by(4);
    let truncated = places.clone().map(|place| block(&base64[..place]));
    let changed = places.flat_map(|place| {
        ["AAAA", "////", "MIIB"].map(|other| block(&[&base64[..place], other, &base64[place + 4..]].concat()))
    });
    let odd: String = truncated.chain(changed).collect();
    fs::write(named_file(), format!("{odd}-----BEGIN CERTIFICATE-----\nno base64\n{pem}{odd}")).unwrap();
    let (_peer, object) = service(&authority);
    assert_success(&object);
    // The same in a file of the object's own.
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("own.pem");
    fs::rename(named_file(), &file).unwrap();
    let (_other, object) = service(&authority);
    object.set("CertificateFile", file.to_str().unwrap()).unwrap();
    assert_success(&object);
}

#[cfg(unix)]
#[test]
fn what_could_not_be_read_for_lack_of_file_descriptors_is_read_at_the_next_connection() {
    let path = test_path!(what_could_not_be_read_for_lack_of_file_descriptors_is_read_at_the_next_connection);
    if rerun(path, "ca.pem", |command, _| testkit::apart::limit_open_files(command, 200)) {
        return;
    }
    let authority = Authority::named("Test CA");
    fs::write(named_file(), authority.pem()).unwrap();
    let (_peer, object) = service(&authority);
    // The process has its runtime.
    let plain = shop::sandbox();
    shop::create(&shop::component_for(&plain.url()), shop::PHONE);
    let taken: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(!attempt(&object, "UpdateCard"));
    drop(taken);
    assert_success(&object);
}

#[cfg(target_os = "linux")]
mod slow_disks {
    use std::fs;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use addin_testkit::shop::text;
    use testkit::{Authority, disk, eventually, test_path};

    use super::{LONG, assert_fails, assert_success, named_file, rerun, service};

    /// The disk answers when this is dropped, so that a failed assertion ends the test.
    struct Answering;

    impl Drop for Answering {
        fn drop(&mut self) {
            disk::answer();
        }
    }

    #[test]
    fn files_on_a_disk_that_does_not_answer_hold_no_call_beyond_its_deadline() {
        let path = test_path!(files_on_a_disk_that_does_not_answer_hold_no_call_beyond_its_deadline);
        if rerun(path, "disk/ca.pem", disk::preload) {
            return;
        }
        let (of_the_system, own) = (Authority::named("System CA"), Authority::named("Own CA"));
        let (_peer, system_object) = service(&of_the_system);
        let (_own_peer, own_object) = service(&own);
        fs::write(named_file(), of_the_system.pem()).unwrap();
        let own_file = disk::folder().join("own.pem");
        fs::write(&own_file, own.pem()).unwrap();
        own_object.set("CertificateFile", own_file.to_str().unwrap()).unwrap();

        disk::stall();
        let answering = Answering;
        for object in [&system_object, &own_object] {
            object.set("Timeout", 0.5).unwrap();
            // They return although the disk has not answered.
            assert_fails(object, "Timeout");
            object.set("Timeout", LONG).unwrap();
        }
        eventually("a file is being read", disk::has_waiter);
        drop(answering);
        assert_success(&system_object);
        assert_success(&own_object);
    }

    #[test]
    fn nobody_waits_while_another_thread_sets_a_file_on_such_a_disk() {
        let path = test_path!(nobody_waits_while_another_thread_sets_a_file_on_such_a_disk);
        if rerun(path, "ca.pem", disk::preload) {
            return;
        }
        let authority = Authority::named("Test CA");
        let (_peer, object) = service(&authority);
        let file = disk::folder().join("own.pem");
        fs::write(&file, authority.pem()).unwrap();
        disk::stall();
        let answering = Answering;
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| object.set("CertificateFile", file.to_str().unwrap()).unwrap());
            eventually("the file is being read", disk::has_waiter);
            scope.spawn(|| {
                object.set("TemplateId", "t").unwrap();
                tell.send(text(&object, "CertificateFile")).unwrap();
            });
            let read = told.recv_timeout(Duration::from_secs(60));
            drop(answering);
            assert_eq!(read.as_deref(), Ok(""));
        });
        assert_eq!(text(&object, "CertificateFile"), file.to_str().unwrap());
        assert_success(&object);
    }
}
