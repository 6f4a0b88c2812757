//! Which certificate authorities are trusted: the operating system's, the public ones that are built in (Mozilla's), and the
//! caller's own. Certificates are checked in this process, without a call to anywhere.
//!
//! Files are read on threads of their own, so that a slow disk costs a call no more than its deadline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::{PrivateKeyDer, UnixTime};
use rustls::sign::SigningKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use super::blocking::Shared;
use super::environment::{Environment, environment};
use super::verifier::{Examiner, Verifier};
use crate::settings::CertificateFile;
use crate::settings::certificate_file::{OwnAuthorities, add_anchor, read};

/// More sets of own certificates at once are a test of settings, not a shop.
const MOST_CONFIGURATIONS: usize = 16;

/// What a process knows of trusted authorities.
pub(super) struct Trust {
    stores: Shared<Common>,
    files: Shared<Option<OwnAuthorities>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What every caller trusts; none until all of it could be read.
    common: Option<Arc<RootCertStore>>,
    /// Kept, because a configuration also holds the tickets for resuming TLS sessions. The newest stands last.
    configurations: Vec<Configuration>,
}

struct Configuration {
    own: Option<OwnAuthorities>,
    common: Arc<RootCertStore>,
    client: Arc<ClientConfig>,
}

/// What every caller trusts, as it could be read.
#[derive(Clone)]
struct Common {
    store: Arc<RootCertStore>,
    /// Whether nothing failed for a reason that may pass, such as a lack of file descriptors.
    is_complete: bool,
}

/// Why there is no TLS configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TrustError {
    /// The file of own certificates cannot be read any more or holds none.
    CertificateFile,
    /// The operating system has no thread left, or the TLS library refuses its configuration.
    Other,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust { stores: Shared::new("passteam-trust"), files: Shared::new("passteam-trust"), known: Mutex::default() }
    }
}

impl Trust {
    /// The authorities in a file, as they stand there now.
    ///
    /// # Errors
    /// What [`TrustError`] lists.
    pub(super) async fn own(&self, file: Option<&CertificateFile>) -> Result<Option<OwnAuthorities>, TrustError> {
        let Some(file) = file else { return Ok(None) };
        let path = file.as_str().to_owned();
        let read = self.files.get(file.as_str(), move || read(&path).ok()).await.map_err(|_| TrustError::Other)?;
        read.map(Some).ok_or(TrustError::CertificateFile)
    }

    /// A TLS configuration that trusts the common authorities and `own`.
    ///
    /// # Errors
    /// What [`TrustError`] lists.
    pub(super) async fn configuration(&self, own: Option<OwnAuthorities>) -> Result<Arc<ClientConfig>, TrustError> {
        let common = self.common().await?;
        let mut known = self.known();
        let same = |one: &Configuration| one.own == own && Arc::ptr_eq(&one.common, &common);
        if let Some(place) = known.configurations.iter().position(same) {
            known.configurations[place..].rotate_left(1);
            return known.configurations.last().map(|one| Arc::clone(&one.client)).ok_or(TrustError::Other);
        }
        let client = Arc::new(client(Arc::new(verifier(&common, own.as_ref())?))?);
        if known.configurations.len() >= MOST_CONFIGURATIONS {
            known.configurations.remove(0);
        }
        known.configurations.push(Configuration { own, common, client: Arc::clone(&client) });
        Ok(client)
    }

    /// A TLS configuration for one connection that is looked at closely, and what looks. It trusts what [`Trust::configuration`]
    /// trusts, at `moment` if one is given, and keeps no session.
    ///
    /// # Errors
    /// What [`TrustError`] lists.
    pub(super) async fn examination(
        &self,
        own: Option<OwnAuthorities>,
        moment: Option<UnixTime>,
    ) -> Result<(Arc<ClientConfig>, Arc<Examiner>), TrustError> {
        let common = self.common().await?;
        let examiner = Arc::new(Examiner::new(verifier(&common, own.as_ref())?, moment));
        let mut client = client(Arc::clone(&examiner) as _)?;
        client.resumption = Resumption::disabled();
        Ok((Arc::new(client), examiner))
    }

    /// Makes the next connection read the system's store anew: an authority that was missing may have been installed.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    async fn common(&self) -> Result<Arc<RootCertStore>, TrustError> {
        let known = self.known().common.clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let Common { store, is_complete } =
            self.stores.get("", || common(environment())).await.map_err(|_| TrustError::Other)?;
        let mut known = self.known();
        if !is_complete {
            return Ok(store);
        }
        Ok(Arc::clone(known.common.get_or_insert(store)))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn verifier(common: &Arc<RootCertStore>, own: Option<&OwnAuthorities>) -> Result<Verifier, TrustError> {
    let trusted = match own {
        None => Arc::clone(common),
        Some(own) => {
            let mut store = RootCertStore::clone(common);
            store.roots.extend(own.roots.iter().cloned());
            Arc::new(store)
        }
    };
    let webpki = WebPkiServerVerifier::builder_with_provider(trusted, Arc::new(provider()));
    Ok(Verifier::new(webpki.build().map_err(|_| TrustError::Other)?, own.cloned()))
}

fn client(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TrustError> {
    let mut client = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|_| TrustError::Other)?
        // What is called dangerous is another verifier: ours asks the TLS library's own, and only explains a refusal.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(client)
}

/// `ring`, but for the keys of a client's own certificate, which the service does not ask for: they would make the code larger.
fn provider() -> CryptoProvider {
    CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() }
}

#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("a client has no key here".to_owned()))
    }
}

/// Reads what every caller trusts: built in, the system's, and what `SSL_CERT_FILE` and `SSL_CERT_DIR` add.
fn common(environment: &Environment) -> Common {
    let mut found = stores::Found::default();
    stores::system(&mut found);
    stores::named_by(environment, &mut found);
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in found.certificates() {
        add_anchor(&mut store, certificate);
    }
    Common { store: Arc::new(store), is_complete: found.is_complete }
}

/// Where certificates of authorities are kept. `rustls-native-certs` would decode most of them twice, look at the environment, which
/// may only be read once, and leave the system's own store out if that names a file.
mod stores {
    #[cfg(unix)]
    use std::collections::HashSet;
    use std::fs::{self, Metadata};
    use std::io;
    use std::path::Path;

    use rustls::pki_types::CertificateDer;

    use super::Environment;
    use crate::pem;
    use crate::settings::certificate_file::content;

    pub(super) struct Found {
        /// Files in PEM.
        files: Vec<Vec<u8>>,
        /// What the system's own functions gave.
        others: Vec<CertificateDer<'static>>,
        /// Device and number of every file and folder that has been read. Folders of certificates are full of links, to files of the
        /// same folder and of others, and are links themselves.
        #[cfg(unix)]
        read: HashSet<(u64, u64)>,
        /// Whether nothing failed for a reason that may pass, such as a lack of file descriptors.
        pub(super) is_complete: bool,
    }

    impl Default for Found {
        fn default() -> Self {
            Found {
                files: Vec::new(),
                others: Vec::new(),
                #[cfg(unix)]
                read: HashSet::new(),
                is_complete: true,
            }
        }
    }

    impl Found {
        /// All certificates, each of them once.
        pub(super) fn certificates(&mut self) -> Vec<CertificateDer<'static>> {
            // The same certificate in a bundle and in a file of its own has the same text: it is decoded once.
            let mut texts: Vec<&[u8]> = self.files.iter().flat_map(|file| pem::certificates(file)).collect();
            texts.sort_unstable();
            texts.dedup();
            let mut certificates: Vec<_> = texts.into_iter().filter_map(pem::decode).collect();
            certificates.append(&mut self.others);
            certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
            certificates.dedup();
            certificates
        }

        pub(super) fn read_file(&mut self, path: &Path) {
            if let Some(metadata) = self.note(fs::metadata(path)) {
                self.read_once(path, &metadata);
            }
        }

        /// Reads the files in a folder, not those in folders below it.
        pub(super) fn read_folder(&mut self, path: &Path) {
            let Some(metadata) = self.note(fs::metadata(path)) else { return };
            if !self.is_first(&metadata) {
                return;
            }
            for entry in self.note(fs::read_dir(path)).into_iter().flatten() {
                let Some(entry) = self.note(entry) else { continue };
                let path = entry.path();
                match self.note(fs::metadata(&path)) {
                    Some(metadata) if metadata.is_file() => self.read_once(&path, &metadata),
                    _ => {}
                }
            }
        }

        fn read_once(&mut self, path: &Path, metadata: &Metadata) {
            if self.is_first(metadata)
                && let Some(content) = self.note(content(path, metadata))
            {
                self.files.push(content);
            }
        }

        /// Whether this has not been read before, as far as the system tells one file from another.
        fn is_first(&mut self, metadata: &Metadata) -> bool {
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt as _;
                self.read.insert((metadata.dev(), metadata.ino()))
            }
            #[cfg(not(unix))]
            {
                let _ = metadata;
                true
            }
        }

        #[cfg(test)]
        pub(super) fn files_read(&self) -> usize {
            self.files.len()
        }

        fn note<T>(&mut self, result: io::Result<T>) -> Option<T> {
            self.is_complete &= !result.as_ref().is_err_and(may_pass);
            result.ok()
        }
    }

    /// A file that is missing, locked or of another kind stays so; whatever else the system says may be different next time.
    fn may_pass(error: &io::Error) -> bool {
        use io::ErrorKind::{FileTooLarge, InvalidInput, NotADirectory, NotFound, PermissionDenied};

        !matches!(error.kind(), NotFound | PermissionDenied | NotADirectory | InvalidInput | FileTooLarge)
    }

    /// What the environment names, besides the system's own store.
    pub(super) fn named_by(environment: &Environment, found: &mut Found) {
        if let Some(file) = &environment.certificate_file {
            found.read_file(Path::new(file));
        }
        for folder in environment.certificate_folders.iter().flat_map(std::env::split_paths) {
            found.read_folder(&folder);
        }
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    pub(super) fn system(found: &mut Found) {
        /// Where distributions keep all authorities in one file, the newer places first.
        const FILES: [&str; 6] = [
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
            "/etc/pki/tls/cacert.pem",
            "/etc/ssl/cert.pem",
        ];

        if let Some(file) = FILES.into_iter().map(Path::new).find(|file| file.exists()) {
            found.read_file(file);
        }
        for folder in openssl_probe::candidate_cert_dirs() {
            found.read_folder(folder);
        }
    }

    /// The user's trust settings count before the administrator's, and those before the system's.
    #[cfg(target_os = "macos")]
    pub(super) fn system(found: &mut Found) {
        use std::collections::HashMap;

        use security_framework::trust_settings::TrustSettingsForCertificate::{TrustAsRoot, TrustRoot};
        use security_framework::trust_settings::{Domain, TrustSettings};

        let mut known = HashMap::new();
        for domain in [Domain::User, Domain::Admin, Domain::System] {
            let settings = TrustSettings::new(domain);
            let Ok(certificates) = settings.iter() else {
                found.is_complete = false;
                continue;
            };
            for certificate in certificates {
                match settings.tls_trust_settings_for_certificate(&certificate) {
                    // A certificate without settings of its own is trusted.
                    Ok(trust) => {
                        known.entry(certificate.to_der()).or_insert(trust.unwrap_or(TrustRoot));
                    }
                    Err(_) => found.is_complete = false,
                }
            }
        }
        let trusted = known.into_iter().filter(|(_, trust)| matches!(trust, TrustRoot | TrustAsRoot));
        found.others.extend(trusted.map(|(certificate, _)| CertificateDer::from(certificate)));
    }

    /// `rustls-native-certs` would leave the store out if the environment names a file, and panics on a certificate whose uses
    /// cannot be read.
    #[cfg(windows)]
    pub(super) fn system(found: &mut Found) {
        let Ok(store) = schannel::cert_store::CertStore::open_current_user("ROOT") else {
            found.is_complete = false;
            return;
        };
        for certificate in store.certs() {
            if certificate.is_time_valid().unwrap_or(false) && is_for_servers(&certificate) {
                found.others.push(CertificateDer::from(certificate.to_der().to_vec()));
            }
        }
    }

    #[cfg(windows)]
    fn is_for_servers(certificate: &schannel::cert_context::CertContext) -> bool {
        use schannel::cert_context::ValidUses;

        /// `id-kp-serverAuth` (RFC 5280, 4.2.1.12).
        const SERVER_AUTHENTICATION: &str = "1.3.6.1.5.5.7.3.1";

        match certificate.valid_uses() {
            Ok(ValidUses::All) => true,
            Ok(ValidUses::Oids(uses)) => uses.iter().any(|usage| usage == SERVER_AUTHENTICATION),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn certificate() -> rcgen::Certificate {
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").cert
    }

    fn environment(file: &std::path::Path, folders: &std::path::Path) -> Environment {
        Environment::read(|name| match name {
            "SSL_CERT_FILE" => Some(file.into()),
            "SSL_CERT_DIR" => Some(folders.into()),
            _ => None,
        })
    }

    #[test]
    fn the_public_authorities_are_trusted_also_where_the_system_knows_none() {
        let found = common(&Environment::read(|_| None));
        assert!(found.store.len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    }

    #[test]
    fn what_the_environment_names_comes_on_top_of_the_system() {
        let without = common(&Environment::read(|_| None)).store.len();
        let folder = tempfile::tempdir().expect("a folder");
        let (file, folders) = (folder.path().join("ca.pem"), folder.path().join("hashed"));
        fs::create_dir(&folders).expect("a folder");
        fs::write(&file, certificate().pem()).expect("a file");
        fs::write(folders.join("0a1b2c3d.0"), certificate().pem()).expect("a file");
        let found = common(&environment(&file, &folders));
        assert_eq!(found.store.len(), without + 2);
        assert!(found.is_complete);
    }

    #[cfg(unix)]
    #[test]
    fn what_links_lead_to_is_read_once() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().expect("a folder");
        let [real, link, bundle] = ["real", "link", "bundle.pem"].map(|name| folder.path().join(name));
        fs::create_dir(&real).expect("a folder");
        symlink(&real, &link).expect("a link");
        let one = certificate().pem();
        fs::write(real.join("one.pem"), &one).expect("a file");
        symlink(real.join("one.pem"), real.join("0a1b2c3d.0")).expect("a link");
        symlink(real.join("missing"), real.join("dangling.pem")).expect("a link");
        fs::create_dir(real.join("below")).expect("a folder");
        fs::write(&bundle, format!("{one}{}", certificate().pem())).expect("a file");

        let mut found = stores::Found::default();
        found.read_file(&bundle);
        for path in [&real, &link, &folder.path().join("missing")] {
            found.read_folder(path);
        }
        assert_eq!(found.files_read(), 2);
        assert_eq!(found.certificates().len(), 2);
        assert!(found.is_complete);
    }

    #[test]
    fn odd_certificates_and_missing_files_are_left_out() {
        let without = common(&Environment::read(|_| None)).store.len();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let odd = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        fs::write(&file, format!("{odd}{}-----BEGIN", certificate().pem())).expect("a file");
        let found = common(&environment(&file, &folder.path().join("missing")));
        assert_eq!(found.store.len(), without + 1);
        assert!(found.is_complete, "reading again would not help");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_could_not_be_read_for_lack_of_file_descriptors_is_read_anew() {
        use testkit::apart::{limit_open_files, rerun};

        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), certificate().pem()).expect("a file");
        let path = testkit::test_path!(what_could_not_be_read_for_lack_of_file_descriptors_is_read_anew);
        let prepare = |command: &mut std::process::Command| {
            command.env("SSL_CERT_FILE", file.path());
            limit_open_files(command, 100);
        };
        if rerun(path, prepare).is_some() {
            return;
        }
        let trust = Trust::default();
        let common = async || trust.common().await.expect("authorities");
        let taken: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
        let first = common().await;
        drop(taken);
        let second = common().await;
        assert!(first.len() < second.len());
        assert!(Arc::ptr_eq(&second, &common().await));
    }

    #[tokio::test]
    async fn a_configuration_is_kept_until_what_it_trusts_changes() {
        let trust = Trust::default();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        fs::write(&path, certificate().pem()).expect("a file");
        let file = CertificateFile::open(path.to_str().expect("UTF-8")).expect("certificates");
        let own = async |file| trust.own(file).await.expect("certificates");
        let configuration = async |own| trust.configuration(own).await.expect("a configuration");

        let common = configuration(None).await;
        let first = configuration(own(Some(&file)).await).await;
        assert!(!Arc::ptr_eq(&common, &first));
        assert!(Arc::ptr_eq(&first, &configuration(own(Some(&file)).await).await));
        fs::write(&path, certificate().pem()).expect("a file");
        assert!(!Arc::ptr_eq(&first, &configuration(own(Some(&file)).await).await));
        trust.forget();
        assert!(!Arc::ptr_eq(&common, &configuration(None).await));
        fs::write(&path, "nothing").expect("a file");
        assert_eq!(trust.own(Some(&file)).await.err(), Some(TrustError::CertificateFile));
    }
}
