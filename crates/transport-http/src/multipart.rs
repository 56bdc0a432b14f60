//! Forms with a file in them (`multipart/form-data`, RFC 7578), read whole: bodies are bounded before they come here.

use std::convert::Infallible;

use axum::body::Bytes;
use multer::Multipart;

/// More fields than any form of ours has.
const MOST_FIELDS: usize = 20;

/// One field.
pub(crate) struct Part {
    pub(crate) name: String,
    /// The media type that the browser gives a file.
    pub(crate) media_type: Option<String>,
    pub(crate) bytes: Bytes,
}

/// Whether a body is such a form.
pub(crate) fn is_multipart(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("multipart/form-data")
}

/// The fields of a form; `None` for what is none.
pub(crate) async fn read(content_type: &str, body: Bytes) -> Option<Vec<Part>> {
    let boundary = multer::parse_boundary(content_type).ok()?;
    let mut form = Multipart::new(tokio_stream::once(Ok::<_, Infallible>(body)), boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.ok()? {
        if parts.len() == MOST_FIELDS {
            return None;
        }
        let name = field.name()?.to_owned();
        let media_type = field.content_type().map(ToString::to_string);
        parts.push(Part { name, media_type, bytes: field.bytes().await.ok()? });
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=x";

    async fn read_text(kind: &str, text: &str) -> Option<Vec<(String, Option<String>, Vec<u8>)>> {
        let parts = read(kind, Bytes::from(text.to_owned())).await?;
        Some(parts.into_iter().map(|part| (part.name, part.media_type, part.bytes.to_vec())).collect())
    }

    fn part(name: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nvalue\r\n")
    }

    #[tokio::test]
    async fn fields_and_files_are_read() {
        let file = "--x\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.wav\"\r\n\
            Content-Type: audio/wav\r\n\r\nRIFF\r\n\r\n--x--\r\n";
        let read = read_text(KIND, &format!("{}{file}", part("reason"))).await.unwrap();
        assert_eq!(read[0], ("reason".to_owned(), None, b"value".to_vec()));
        assert_eq!(read[1], ("audio".to_owned(), Some("audio/wav".to_owned()), b"RIFF\r\n".to_vec()));
        assert!(is_multipart("Multipart/Form-Data; boundary=x") && !is_multipart("text/plain"));
    }

    #[tokio::test]
    async fn what_is_no_form_is_none() {
        let whole = format!("{}--x--\r\n", part("a"));
        assert!(read_text(KIND, &whole).await.is_some());
        assert!(read_text("multipart/form-data", &whole).await.is_none(), "without a boundary");
        assert!(read_text(KIND, &whole[..whole.len() - 9]).await.is_none(), "cut");
        assert!(read_text(KIND, "--x\r\n\r\nno name\r\n--x--\r\n").await.is_none());
        let many: String = (0..=MOST_FIELDS).map(|number| part(&number.to_string())).collect();
        assert!(read_text(KIND, &format!("{many}--x--\r\n")).await.is_none(), "too many");
    }
}
