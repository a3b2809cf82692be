//! Whether an answer is what was asked for, judged by its head and first bytes before any of it is kept.

use super::error::{Failure, Reason};
use super::settings::Request;
use reqwest::header::{HeaderMap, CONTENT_TYPE};

/// Bytes of a body that are looked at before the rest is kept.
pub const FIRST_BYTES: usize = 1024;
/// Bytes of a page that are looked at to tell what it is.
pub const PAGE_BYTES: usize = 64 * 1024;

/// Words of the pages that ask a visitor to prove that they are human.
const CHALLENGES: &[&str] = &[
    "just a moment...",
    "cf-chl",
    "challenge-platform",
    "attention required! | cloudflare",
    "ddos protection by",
    "captcha",
    "incapsula",
    "are you a robot",
    "not a robot",
    "verify you are human",
    "checking your browser",
    "making sure you're not a bot",
    "enable javascript and cookies to continue",
    "datadome",
    "perimeterx",
];

/// How HTML begins, in lower case; `<title` and headings are those of servers that leave the rest out.
const HTML_STARTS: &[&[u8]] = &[
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<title",
    b"<h1",
    b"<h2",
    b"<center",
];

/// Media types whose files begin in one way only.
const KNOWN_TYPES: &[(&str, &[&[u8]])] = &[
    ("application/fits", &[b"SIMPLE  ="]),
    ("image/fits", &[b"SIMPLE  ="]),
    ("application/gzip", &[b"\x1f\x8b"]),
    ("application/x-gzip", &[b"\x1f\x8b"]),
    ("application/zip", &[b"PK"]),
    ("application/pdf", &[b"%PDF"]),
    ("image/png", &[b"\x89PNG"]),
    ("image/jpeg", &[b"\xff\xd8"]),
    ("application/x-hdf5", &[b"\x89HDF"]),
    ("application/x-hdf", &[b"\x89HDF", b"\x0e\x03\x13\x01"]),
    ("application/x-netcdf", &[b"\x89HDF", b"CDF"]),
    ("application/netcdf", &[b"\x89HDF", b"CDF"]),
];

/// The media type that an answer declares, in lower case and without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let bare = text.split(';').next().unwrap_or("").trim().to_lowercase();
    (!bare.is_empty()).then_some(bare)
}

/// Refuse a media type that was not asked for.
pub fn check_media_type(request: &Request, media: Option<&str>) -> Result<(), Failure> {
    let Some(media) = media else { return Ok(()) };
    let accepted = &request.content_types;
    if accepted.is_empty() || accepted.iter().any(|wanted| matches_type(wanted, media)) {
        return Ok(());
    }
    Err(Failure::never(
        Reason::ContentType,
        format!(
            "the answer is {media}, and {} was asked for",
            accepted.join(" or ")
        ),
    ))
}

fn matches_type(wanted: &str, media: &str) -> bool {
    let wanted = wanted.to_lowercase();
    match wanted.strip_suffix("/*") {
        Some(family) => media.split('/').next() == Some(family),
        None => wanted == media,
    }
}

/// Refuse first bytes that are a page, are no file of the declared type, or lack the signature asked for.
pub fn check_first_bytes(request: &Request, media: Option<&str>, bytes: &[u8]) -> Result<(), Failure> {
    if !request.html && (is_html(bytes) || is_html_type(media)) {
        return Err(page_failure(bytes));
    }
    if let Some(media) = media {
        check_against_type(media, bytes)?;
    }
    let wanted = &request.signatures;
    if wanted.is_empty() || wanted.iter().any(|signature| bytes.starts_with(signature)) {
        return Ok(());
    }
    Err(Failure::never(
        Reason::Signature,
        format!(
            "the body begins with {}, not with {}",
            shown(bytes),
            wanted
                .iter()
                .map(|known| shown(known))
                .collect::<Vec<_>>()
                .join(" or ")
        ),
    ))
}

fn check_against_type(media: &str, bytes: &[u8]) -> Result<(), Failure> {
    let lies = match KNOWN_TYPES.iter().find(|(name, _)| *name == media) {
        Some((_, beginnings)) => !beginnings.iter().any(|known| bytes.starts_with(known)),
        None => match (media, first_sign(bytes)) {
            ("application/json", Some(sign)) => !b"{[\"-0123456789tfn".contains(&sign),
            ("application/xml" | "text/xml" | "application/x-votable+xml", Some(sign)) => sign != b'<',
            ("text/csv" | "text/tab-separated-values", Some(sign)) => {
                sign == b'{' || sign == b'<' || bytes.contains(&0)
            }
            _ => false,
        },
    };
    if !lies {
        return Ok(());
    }
    Err(Failure::never(
        Reason::ContentType,
        format!(
            "the answer says that it is {media}, but begins with {}",
            shown(bytes)
        ),
    ))
}

/// The first byte that is no space, after a byte order mark.
fn first_sign(bytes: &[u8]) -> Option<u8> {
    text_start(bytes).first().copied()
}

fn text_start(bytes: &[u8]) -> &[u8] {
    bytes
        .strip_prefix(b"\xef\xbb\xbf".as_slice())
        .unwrap_or(bytes)
        .trim_ascii_start()
}

fn is_html_type(media: Option<&str>) -> bool {
    matches!(media, Some("text/html" | "application/xhtml+xml"))
}

/// Whether text is an HTML page, whatever its declared type: by how it begins, after comments and declarations.
pub fn is_html(bytes: &[u8]) -> bool {
    let plain = without_nulls(bytes);
    let head = plain[..plain.len().min(PAGE_BYTES)].to_ascii_lowercase();
    let mut rest = text_start(&head);
    let mut declared = false;
    loop {
        if HTML_STARTS.iter().any(|word| rest.starts_with(word)) {
            return true;
        }
        let end: &[u8] = if rest.starts_with(b"<!--") {
            b"-->"
        } else if rest.starts_with(b"<?xml") || rest.starts_with(b"<!doctype") {
            declared = true;
            b">"
        } else {
            return false;
        };
        match position(rest, end) {
            Some(place) => rest = rest[place + end.len()..].trim_ascii_start(),
            // A comment that fills all that is seen: no format of data begins so.
            None => return !declared && end == b"-->",
        }
    }
}

fn position(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

/// Text in UTF-16 with its mark, as far as it is ASCII; anything else as it is.
fn without_nulls(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        bytes[2..]
            .iter()
            .copied()
            .filter(|byte| *byte != 0)
            .collect::<Vec<u8>>()
            .into()
    } else {
        bytes.into()
    }
}

/// Whether a page asks its visitor to prove that they are human.
pub fn is_challenge(headers: &HeaderMap, page: &[u8]) -> bool {
    let says = |name: &str, words: &[&str]| {
        let value = headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        words.iter().any(|word| value.to_lowercase().contains(word))
    };
    if says("cf-mitigated", &["challenge"]) || says("x-amzn-waf-action", &["challenge", "captcha"]) {
        return true;
    }
    let text = String::from_utf8_lossy(&page[..page.len().min(PAGE_BYTES)]).to_lowercase();
    is_html(page) && CHALLENGES.iter().any(|word| text.contains(word))
}

/// The failure that a page is which came where data was asked for.
pub fn page_failure(page: &[u8]) -> Failure {
    let title = title(page).map_or_else(String::new, |title| format!(" titled {title:?}"));
    Failure::never(
        Reason::Html,
        format!("an HTML page{title} came where data was asked for"),
    )
}

pub fn challenge_failure() -> Failure {
    Failure::never(
        Reason::Challenge,
        "the host asks for proof that a human is visiting; open the address in a browser and save the file by hand",
    )
}

fn title(page: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(page);
    let lower = text.to_ascii_lowercase();
    let begin = lower.find("<title")?;
    let begin = begin + lower[begin..].find('>')? + 1;
    let end = begin + lower[begin..].find("</title")?;
    let words: Vec<&str> = text[begin..end].split_whitespace().collect();
    let title: String = words.join(" ").chars().take(80).collect();
    (!title.is_empty()).then_some(title)
}

/// The first bytes for a message: text where it is text.
pub fn shown(bytes: &[u8]) -> String {
    let part = &bytes[..bytes.len().min(24)];
    format!("\"{}\"", part.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_known_by_their_first_bytes() {
        for page in [
            "<!DOCTYPE html><html>",
            "\u{feff}\n  <HTML lang=en>",
            "<?xml version='1.0'?><!DOCTYPE html PUBLIC ''><html>",
            "<!-- saved --><html>",
            "<title>404 Not Found</title>",
            "<!-- a comment that does not end",
        ] {
            assert!(is_html(page.as_bytes()), "{page}");
        }
        for data in [
            "pl_name,pl_rade\n",
            "<?xml version='1.0'?><VOTABLE>",
            "{\"a\": 1}",
            "",
        ] {
            assert!(!is_html(data.as_bytes()), "{data}");
        }
    }

    #[test]
    fn a_challenge_is_told_from_a_page() {
        let none = HeaderMap::new();
        assert!(is_challenge(&none, b"<html><title>Just a moment...</title>"));
        assert!(!is_challenge(&none, b"<html><title>Log in</title>"));
        assert!(!is_challenge(&none, b"planet,captcha\n"));
        let mut headers = HeaderMap::new();
        headers.insert("cf-mitigated", "challenge".parse().unwrap());
        assert!(is_challenge(&headers, b""));
    }

    #[test]
    fn a_declared_type_must_fit_the_first_bytes() {
        assert!(check_against_type("application/fits", b"SIMPLE  =   T").is_ok());
        assert!(check_against_type("application/fits", b"{\"error\": 1}").is_err());
        assert!(check_against_type("text/csv", b"a,b\n1,2\n").is_ok());
        assert!(check_against_type("text/csv", b"{\"error\": 1}").is_err());
        assert!(check_against_type("application/json", b"ERROR 1").is_err());
        assert!(check_against_type("application/octet-stream", b"anything").is_ok());
    }
}
