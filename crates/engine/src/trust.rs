//! Whose certificates are trusted: those of the host's authorities or, as in the AWS CLI, instead of them those in the file that
//! `AWS_CA_BUNDLE` or the profile's `ca_bundle` names.

use std::fs::File;
use std::io::Read;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::account::AccountError;
use crate::outcome::one_line;

/// The longest bundle. Those of all public authorities are of some hundred kilobytes.
const LONGEST_BUNDLE: u64 = 16 << 20;

/// The authorities that are named, the environment's before the profile's; the host's if none are.
///
/// # Errors
/// [`AccountError::Bundle`] if the file that is named cannot be used: then nothing is trusted, rather than something else.
pub(crate) fn named(by_profile: Option<&str>) -> Result<TlsContext, AccountError> {
    let by_environment = std::env::var("AWS_CA_BUNDLE").ok();
    let environment = by_environment.as_deref().map(|path| (path, "AWS_CA_BUNDLE"));
    let bundle = environment.or_else(|| Some((by_profile?, "the profile's ca_bundle"))).filter(|(path, _)| !path.is_empty());
    let Some((path, named_by)) = bundle else { return Ok(TlsContext::default()) };
    let trust = read(path).and_then(|pem| {
        let store = TrustStore::empty().with_pem_certificate(pem);
        TlsContext::builder().with_trust_store(store).build().map_err(|error| error.to_string())
    });
    trust.map_err(|why| AccountError::Bundle { path: path.to_owned(), named_by, why: one_line(&why) })
}

/// The file, if it holds certificates and nothing that is none.
fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LONGEST_BUNDLE + 1).read_to_end(&mut pem).map_err(|error| error.to_string())?;
    if pem.len() as u64 > LONGEST_BUNDLE {
        return Err(format!("it is longer than {} MiB", LONGEST_BUNDLE >> 20));
    }
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        store.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("it holds no certificate in PEM".to_owned()) } else { Ok(pem) }
}
