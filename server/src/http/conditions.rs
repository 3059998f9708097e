//! Which part of a file a request asks for, if any: preconditions and ranges (RFC 9110, sections 13 and 14).

use std::ops::{Bound, Range};

use axum::http::{HeaderMap, Method, header};
use headers::{ETag, HeaderMapExt as _, IfMatch, IfNoneMatch};

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 200.
    All,
    /// 206.
    Part(Range<u64>),
    /// 304.
    NotModified,
    /// 412.
    AnotherFile,
    /// 416.
    NoSuchPart,
}

/// What a request wants of a file.
///
/// - `etag`: strong, quoted.
/// - `file_bytes`: `None` for what is not handed out in parts.
pub(super) fn wanted(
    method: &Method,
    request: &HeaderMap,
    etag: &str,
    file_bytes: Option<u64>,
) -> Wanted {
    let given = |name| request.contains_key(name);
    if given(header::IF_MATCH) || given(header::IF_NONE_MATCH) {
        let etag: ETag = etag.parse().expect("a quoted digest");
        if let Some(condition) = request.typed_get::<IfMatch>()
            && !condition.precondition_passes(&etag)
        {
            return Wanted::AnotherFile;
        }
        if let Some(known) = request.typed_get::<IfNoneMatch>()
            && !known.precondition_passes(&etag)
        {
            return Wanted::NotModified;
        }
    }
    match file_bytes {
        // A range means something with GET alone.
        Some(file_bytes) if method == Method::GET => part(request, etag, file_bytes),
        _ => Wanted::All,
    }
}

/// What `Range` and `If-Range` ask for. Several ranges at once get the whole file.
fn part(request: &HeaderMap, etag: &str, file_bytes: u64) -> Wanted {
    if !request.contains_key(header::RANGE) {
        return Wanted::All;
    }
    // A date or a weak tag says nothing about bytes; both differ from ours.
    let same_file = request
        .get(header::IF_RANGE)
        .is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let Some(range) = request.typed_get::<headers::Range>().filter(|_| same_file) else {
        return Wanted::All;
    };
    if !is_range(request) {
        return Wanted::All;
    }
    // The last so many bytes of a file that has fewer are all of it; the parser takes that for unsatisfiable.
    if suffix_length(request).is_some_and(|length| length >= file_bytes && file_bytes > 0) {
        return Wanted::Part(0..file_bytes);
    }
    let mut parts = range.satisfiable_ranges(file_bytes);
    match (parts.next(), parts.next()) {
        (None, _) => Wanted::NoSuchPart,
        (Some(_), Some(_)) => Wanted::All,
        (Some(part), None) => match bounds(part, file_bytes) {
            range if range.is_empty() => Wanted::NoSuchPart,
            range => Wanted::Part(range),
        },
    }
}

/// N of `Range: bytes=-N`.
fn suffix_length(request: &HeaderMap) -> Option<u64> {
    let range = request.get(header::RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes=-")?.parse().ok()
}

/// Whether every part is `first-`, `first-last` or `-length`, in decimal, and none ends before it begins: anything else is no
/// range (RFC 9110, section 14.1.1), and the parser does not look so closely.
fn is_range(request: &HeaderMap) -> bool {
    let text = request
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok()?.trim().strip_prefix("bytes="));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_part = |part: &str| match part.trim().split_once('-') {
        Some(("", length)) => is_number(length),
        Some((first, "")) => is_number(first),
        Some((first, last)) if is_number(first) && is_number(last) => {
            // Longer than any number of bytes: as far as it matters, the end.
            let number = |text: &str| text.parse().unwrap_or(u64::MAX);
            number(first) <= number(last)
        }
        _ => false,
    };
    text.is_some_and(|parts| parts.split(',').all(is_part))
}

fn bounds(part: (Bound<u64>, Bound<u64>), file_bytes: u64) -> Range<u64> {
    use Bound::{Excluded, Included, Unbounded};
    let start = match part.0 {
        Included(first) => first,
        Excluded(before) => before.saturating_add(1),
        Unbounded => 0,
    };
    let end = match part.1 {
        Included(last) => last.saturating_add(1),
        Excluded(end) => end,
        Unbounded => file_bytes,
    };
    start..end.min(file_bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const TAG: &str = "\"abc\"";

    fn asked(method: &Method, headers: &[(HeaderName, &str)]) -> Wanted {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.append(name, HeaderValue::from_str(value).unwrap());
        }
        wanted(method, &request, TAG, Some(1_000))
    }

    fn get(headers: &[(HeaderName, &str)]) -> Wanted {
        asked(&Method::GET, headers)
    }

    #[test]
    fn whoever_has_the_file_is_told_so_however_the_tag_is_spelt() {
        for known in [
            TAG,
            "W/\"abc\"",
            "*",
            "\"x\", \"abc\"",
            "\"x\",W/\"abc\", \"y\"",
        ] {
            for method in [Method::GET, Method::HEAD] {
                let answer = asked(&method, &[(header::IF_NONE_MATCH, known)]);
                assert_eq!(answer, Wanted::NotModified, "{known}");
            }
        }
        for other in ["\"x\"", "W/\"x\", \"y\"", "abc", ""] {
            assert_eq!(
                get(&[(header::IF_NONE_MATCH, other)]),
                Wanted::All,
                "{other}"
            );
        }
    }

    #[test]
    fn a_request_for_this_file_alone_gets_no_other() {
        for (tag, answer) in [
            (TAG, Wanted::All),
            ("*", Wanted::All),
            ("\"x\", \"abc\"", Wanted::All),
            ("\"x\"", Wanted::AnotherFile),
            // Weak tags never match strongly.
            ("W/\"abc\"", Wanted::AnotherFile),
        ] {
            assert_eq!(get(&[(header::IF_MATCH, tag)]), answer, "{tag}");
        }
    }

    #[test]
    fn a_single_range_gets_its_part() {
        for (range, answer) in [
            ("bytes=0-99", Wanted::Part(0..100)),
            ("bytes=900-", Wanted::Part(900..1_000)),
            ("bytes=900-5000", Wanted::Part(900..1_000)),
            ("bytes=-7", Wanted::Part(993..1_000)),
            ("bytes=-5000", Wanted::Part(0..1_000)),
            ("bytes=999-999", Wanted::Part(999..1_000)),
            ("bytes=1000-", Wanted::NoSuchPart),
            ("bytes=-0", Wanted::NoSuchPart),
            // What is no range, of no known unit, or several, gets all.
            ("bytes=5-4", Wanted::All),
            ("bytes=x-", Wanted::All),
            ("rows=0-1", Wanted::All),
            ("bytes=0-9,20-29", Wanted::All),
        ] {
            assert_eq!(get(&[(header::RANGE, range)]), answer, "{range}");
        }
        let head = asked(&Method::HEAD, &[(header::RANGE, "bytes=0-9")]);
        assert_eq!(head, Wanted::All);
    }

    #[test]
    fn a_range_of_another_version_gets_all() {
        for (same, answer) in [
            (TAG, Wanted::Part(0..10)),
            ("\"x\"", Wanted::All),
            ("W/\"abc\"", Wanted::All),
            ("Fri, 27 Aug 2021 05:00:00 GMT", Wanted::All),
        ] {
            let headers = [(header::RANGE, "bytes=0-9"), (header::IF_RANGE, same)];
            assert_eq!(get(&headers), answer, "{same}");
        }
        // Preconditions come first.
        let known = [(header::RANGE, "bytes=0-9"), (header::IF_NONE_MATCH, TAG)];
        assert_eq!(get(&known), Wanted::NotModified);
    }
}
