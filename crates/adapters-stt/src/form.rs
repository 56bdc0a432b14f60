//! The request's form (`multipart/form-data`, RFC 7578).

use countersign_kernel::Language;
use countersign_usecases::voice::Recording;

use crate::transcriber::ResponseFormat;

/// A form, with the media type that names what stands between its fields.
pub(crate) struct Form {
    pub(crate) media_type: String,
    pub(crate) body: Vec<u8>,
}

/// What is asked about a recording.
pub(crate) fn of(
    recording: &Recording,
    model: &str,
    format: ResponseFormat,
    language: Option<Language>,
) -> Form {
    // No recording holds its own digest, and the other fields are ours.
    let digest = recording.digest().to_string();
    let boundary = digest.trim_start_matches("sha256:");
    let mut body = Vec::with_capacity(recording.bytes().len() + 1024);
    let mut field = |name: &str, value: &str| {
        let part =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    };
    field("model", model);
    field("response_format", format.as_str());
    if let Some(language) = language {
        field("language", language.tag());
    }
    let kind = recording.kind();
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"recording.{}\"\r\nContent-Type: {kind}\r\n\r\n",
        kind.extension()
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(recording.bytes());
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Form { media_type: format!("multipart/form-data; boundary={boundary}"), body }
}
