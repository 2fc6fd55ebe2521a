//! The certificate authority behind the lab's TLS: a root, an intermediate, and server certificates made on demand.
//!
//! The real chain of AWS is issued by Amazon Trust Services and clients judge interception by issuer names, so this authority
//! carries the field's names while an interceptor carries its own. Keys live in memory only and are new in every run; the
//! root certificate is the one thing that leaves, as PEM, for `AWS_CA_BUNDLE` in the instance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// A root, its intermediate, and the server certificates they signed so far.
pub(crate) struct Authority {
    root_pem: String,
    /// What follows the leaf in a handshake.
    above: Vec<CertificateDer<'static>>,
    issuer: Issuer<'static, KeyPair>,
    server_key: KeyPair,
    served: Mutex<BTreeMap<Leaf, Arc<CertifiedKey>>>,
}

/// The names of a server certificate, and when it is valid.
type Leaf = (Vec<String>, Validity);

/// When a server certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Validity {
    /// For years around now.
    Now,
    /// It has expired.
    Past,
    /// It begins in years.
    Future,
}

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// A name cannot stand in a certificate, or the key generator failed.
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library does not take the key that was generated.
    #[error("use the server key")]
    Key(#[from] rustls::Error),
}

impl Authority {
    /// The authority of AWS itself, with the issuer names of Amazon Trust Services.
    ///
    /// # Errors
    ///
    /// When keys cannot be generated, which only a machine without randomness brings about.
    pub(crate) fn amazon() -> Result<Self, AuthorityError> {
        let mut made =
            Self::new(["US", "Amazon", "Amazon Root CA 1"], ["US", "Amazon", "Amazon RSA 2048 M01"])?;
        // AWS sends two certificates more, for clients that know the older roots only. They make its first answer longer than
        // a packet of 1,500 bytes, which matters where such packets get lost.
        for name in ["Amazon Root CA 1", "Starfield Services Root Certificate Authority - G2"] {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let organization =
                if name.starts_with("Amazon") { "Amazon" } else { "Starfield Technologies, Inc." };
            let params = authority_params(["US", organization, name], BasicConstraints::Unconstrained);
            made.above.push(params.self_signed(&key)?.der().clone());
        }
        Ok(made)
    }

    /// The authority of an isolated partition: a private root that no public store has. The real names are not public, so
    /// these are made up.
    ///
    /// # Errors
    ///
    /// As [`Authority::amazon`].
    pub(crate) fn isolated() -> Result<Self, AuthorityError> {
        Self::new(
            ["US", "Isolated Partition", "Isolated Partition Root CA"],
            ["US", "Isolated Partition", "Isolated Partition Server CA 1"],
        )
    }

    /// The authority of a proxy or firewall that opens TLS; its chain must never look like Amazon's.
    ///
    /// # Errors
    ///
    /// As [`Authority::amazon`].
    pub(crate) fn interceptor() -> Result<Self, AuthorityError> {
        Self::new(
            ["DE", "Example Corp", "Example Corp Inspection Root"],
            ["DE", "Example Corp", "Example Corp TLS Inspection"],
        )
    }

    /// The root certificate, for trust stores.
    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The chain and key of a server with these names (leaf and intermediate, as AWS sends them), made once and kept.
    ///
    /// # Errors
    ///
    /// When a name cannot stand in a certificate.
    pub(crate) fn certificate(
        &self,
        names: &[String],
        validity: Validity,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = served.get(&(names.to_vec(), validity)) {
            return Ok(Arc::clone(known));
        }
        let mut params = CertificateParams::new(names.to_vec())?;
        let common = names.first().map_or("localhost", String::as_str);
        params.distinguished_name.push(DnType::CommonName, common);
        params.use_authority_key_identifier_extension = true;
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let (from, until) = match validity {
            Validity::Now => (2024, 2039),
            Validity::Past => (2023, 2024),
            Validity::Future => (2038, 2039),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let leaf = params.signed_by(&self.server_key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.server_key.serialize_der()));
        let chain = std::iter::once(leaf.der().clone()).chain(self.above.iter().cloned()).collect();
        let made = Arc::new(CertifiedKey::new(chain, any_ecdsa_type(&key)?));
        served.insert((names.to_vec(), validity), Arc::clone(&made));
        Ok(made)
    }

    fn new(root: [&str; 3], intermediate: [&str; 3]) -> Result<Self, AuthorityError> {
        let root_params = authority_params(root, BasicConstraints::Unconstrained);
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let root_certificate = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);

        let mut params = authority_params(intermediate, BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &root_issuer)?;
        Ok(Self {
            root_pem: root_certificate.pem(),
            above: vec![certificate.der().clone()],
            issuer: Issuer::new(params, key),
            server_key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            served: Mutex::new(BTreeMap::new()),
        })
    }
}

fn authority_params(
    [country, organization, name]: [&str; 3],
    constraints: BasicConstraints,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, country);
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = date_time_ymd(2015, 5, 26);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}
