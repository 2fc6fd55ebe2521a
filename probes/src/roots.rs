//! The sets of roots, and what each of them says of a presented chain.
//!
//! Each set is asked by itself: the roots compiled into this program, the machine's own store, and the file that
//! `--ca-bundle` or `AWS_CA_BUNDLE` names. A chain that the machine trusts and the public roots do not is the mark of an
//! interceptor, but saying so is not this module's business; [`Trust`] goes into the observation as it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use tokio::sync::OnceCell;

use crate::observations::{Trust, Verification};
use crate::run::Until;

/// The sets of roots of one run; loaded once and shared by all its handshakes.
#[derive(Debug)]
pub(crate) struct Roots {
    provider: Arc<CryptoProvider>,
    ca_bundle: Option<PathBuf>,
    bundled: RootSet,
    files: OnceCell<Files>,
    /// What was said of a chain for a name: many addresses of one service present the same chain.
    judged: Mutex<HashMap<Presented, Trust>>,
}

/// A presented chain and the name it was presented for.
type Presented = (Vec<CertificateDer<'static>>, String);

/// The sets that have to be read from files.
#[derive(Debug)]
struct Files {
    machine: RootSet,
    ca_bundle: Option<RootSet>,
}

/// One set of roots; `None` where it is empty or could not be read.
#[derive(Debug)]
struct RootSet(Option<Arc<WebPkiServerVerifier>>);

impl Roots {
    /// Takes the bundled roots; the files are read by [`Roots::read_files`] or when they are first needed.
    pub(crate) fn new(provider: Arc<CryptoProvider>, ca_bundle: Option<PathBuf>) -> Self {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let bundled = RootSet::new(store, &provider);
        Self { provider, ca_bundle, bundled, files: OnceCell::new(), judged: Mutex::default() }
    }

    /// Reads the machine's store and the bundle file, away from the threads that measure.
    pub(crate) async fn read_files(&self) {
        self.files().await;
    }

    /// What each set says of a chain for a name, at this moment.
    ///
    /// A store that cannot be read before the budget is over says nothing ([`Verification::NotRead`]).
    pub(crate) async fn judge(&self, chain: &[CertificateDer<'static>], host: &str, until: &Until) -> Trust {
        let key = (chain.to_vec(), host.to_owned());
        if let Some(known) = self.judged.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let files = until.bound(self.files()).await;
        let trust = Trust {
            bundled: self.bundled.judge(chain, host),
            machine: files.map_or(Verification::NotRead, |files| files.machine.judge(chain, host)),
            ca_bundle: self.ca_bundle.is_some().then(|| {
                let Some(files) = files else { return Verification::NotRead };
                files.ca_bundle.as_ref().map_or(Verification::NoRoots, |set| set.judge(chain, host))
            }),
        };
        if files.is_some() {
            self.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(key, trust.clone());
        }
        trust
    }

    async fn files(&self) -> &Files {
        let read = || async {
            let (provider, ca_bundle) = (Arc::clone(&self.provider), self.ca_bundle.clone());
            let reading = tokio::task::spawn_blocking(move || Files::read(&provider, ca_bundle.as_deref()));
            // A reader that panicked leaves the sets empty, which is what an unreadable store is.
            reading.await.unwrap_or_else(|_| Files {
                machine: RootSet(None),
                ca_bundle: self.ca_bundle.as_ref().map(|_| RootSet(None)),
            })
        };
        self.files.get_or_init(read).await
    }
}

impl Files {
    fn read(provider: &Arc<CryptoProvider>, ca_bundle: Option<&Path>) -> Self {
        let machine = rustls_native_certs::load_native_certs().certs;
        Self {
            machine: RootSet::of_certificates(machine, provider),
            ca_bundle: ca_bundle.map(|file| {
                let certificates = CertificateDer::pem_file_iter(file).map(Iterator::flatten);
                RootSet::of_certificates(certificates.into_iter().flatten(), provider)
            }),
        }
    }
}

impl RootSet {
    fn new(store: RootCertStore, provider: &Arc<CryptoProvider>) -> Self {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
        // The only error without revocation lists is a set without roots.
        Self(builder.build().ok())
    }

    fn of_certificates(
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Self {
        let mut store = RootCertStore::empty();
        // Real stores hold some certificates that no verifier can use as a root; the others still count.
        store.add_parsable_certificates(certificates);
        Self::new(store, provider)
    }

    fn judge(&self, chain: &[CertificateDer<'static>], host: &str) -> Verification {
        let Some(verifier) = &self.0 else { return Verification::NoRoots };
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Verification::Other("no certificate was presented".to_owned());
        };
        let Ok(name) = ServerName::try_from(host) else { return Verification::WrongName };
        match verifier.verify_server_cert(leaf, intermediates, &name, &[], UnixTime::now()) {
            Ok(_) => Verification::Trusted,
            Err(rustls::Error::InvalidCertificate(error)) => name_refusal(&error),
            Err(other) => Verification::Other(other.to_string()),
        }
    }
}

fn name_refusal(error: &CertificateError) -> Verification {
    match error {
        CertificateError::UnknownIssuer => Verification::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Verification::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Verification::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Verification::WrongName
        }
        other => Verification::Other(rustls::Error::InvalidCertificate(other.clone()).to_string()),
    }
}
