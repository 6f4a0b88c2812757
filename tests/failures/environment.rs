//! Machines without certificates of authorities.

use addin_testkit::apart;
use addin_testkit::shop::{self, call, create, text};
use passteam_sandbox::{Options, Tls};
use testkit::test_path;

#[test]
fn a_machine_without_ca_certificates_reaches_loopback_and_servers_that_its_own_file_trusts() {
    let empty = tempfile::tempdir().unwrap();
    let path = test_path!(a_machine_without_ca_certificates_reaches_loopback_and_servers_that_its_own_file_trusts);
    let output = apart::rerun(path, |command| {
        command.env("SSL_CERT_FILE", empty.path().join("none.pem")).env("SSL_CERT_DIR", empty.path());
    });
    if output.is_some() {
        return;
    }
    let plain = shop::sandbox();
    create(&shop::component_for(&plain.url()), shop::PHONE);

    let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let object = shop::component_for(&sandbox.url());
    assert!(!call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");
    object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
    create(&object, shop::PHONE);
}
