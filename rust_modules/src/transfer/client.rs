//! The HTTP client: proxies and certificates of the environment.

use super::error::{Failure, Reason};
use super::settings::Settings;
use reqwest::{Certificate, Client};
use std::fs;
use std::path::PathBuf;

/// Variables that name files or folders of further certificates, as curl, OpenSSL and requests read them.
const CERTIFICATE_FILES: &[&str] = &["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
const CERTIFICATE_FOLDER: &str = "SSL_CERT_DIR";

/// A client that takes proxies from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`),
/// trusts the roots of Mozilla, of the system and of the environment, and follows no redirect by itself.
pub fn build(settings: &Settings) -> Result<Client, Failure> {
    let mut builder = Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .http2_adaptive_window(true);
    if not_proxied() {
        builder = builder.no_proxy();
    }
    let files = certificate_files()?;
    for (_, certificates) in &files {
        builder = certificates
            .iter()
            .cloned()
            .fold(builder, |builder, one| builder.add_root_certificate(one));
    }
    builder.build().map_err(|error| {
        let failure = Failure::network(&error);
        let named: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        if named.is_empty() {
            return failure;
        }
        let message = format!(
            "a certificate cannot be used, one that {}: {}",
            named.join(", or "),
            failure.message
        );
        Failure::never(Reason::Tls, message)
    })
}

/// `NO_PROXY=*` means every host; reqwest takes it for names only, not for addresses.
fn not_proxied() -> bool {
    let names = std::env::var("NO_PROXY")
        .or_else(|_| std::env::var("no_proxy"))
        .unwrap_or_default();
    names.split(',').any(|name| name.trim() == "*")
}

/// Certificates by the variable and file that they come from.
fn certificate_files() -> Result<Vec<(String, Vec<Certificate>)>, Failure> {
    let mut found = Vec::new();
    for variable in CERTIFICATE_FILES {
        if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            if path.is_file() {
                found.push((named(variable, &path), read_certificates(variable, &path)?));
            } else if !path.is_dir() {
                return Err(certificate_failure(variable, &path, "there is no such file"));
            }
        }
    }
    if let Some(folder) = std::env::var_os(CERTIFICATE_FOLDER).filter(|path| !path.is_empty()) {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() {
                // Such folders hold lists of revocations and notes, too.
                let certificates = read_certificates(CERTIFICATE_FOLDER, &path).unwrap_or_default();
                found.push((named(CERTIFICATE_FOLDER, &path), certificates));
            }
        }
    }
    found.retain(|(_, certificates)| !certificates.is_empty());
    Ok(found)
}

fn named(variable: &str, path: &std::path::Path) -> String {
    format!("{variable} names in {}", path.display())
}

fn read_certificates(variable: &str, path: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    let content = fs::read(path).map_err(|error| certificate_failure(variable, path, &error.to_string()))?;
    Certificate::from_pem_bundle(&content)
        .map_err(|_| certificate_failure(variable, path, "it holds no certificates in PEM form"))
}

fn certificate_failure(variable: &str, path: &std::path::Path, problem: &str) -> Failure {
    let message = format!("{variable} names {}: {problem}", path.display());
    Failure::never(Reason::Tls, message)
}
