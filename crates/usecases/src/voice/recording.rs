//! A recording: bytes that begin as audio of the kind that it is said to be. What it costs to find out that it isn't is not asked of a
//! transcriber.

use std::fmt;

use countersign_kernel::{Digest, Millis};

use super::DictationLimits;
use super::error::RecordingError;

/// The containers of audio that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioKind {
    /// RIFF WAVE.
    Wav,
    /// WebM, as Chromium and Firefox record.
    Webm,
    /// Ogg.
    Ogg,
    /// MPEG-4, as Safari records.
    Mp4,
    /// MPEG audio, such as MP3.
    Mpeg,
    /// FLAC.
    Flac,
}

impl AudioKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Wav, Self::Webm, Self::Ogg, Self::Mp4, Self::Mpeg, Self::Flac];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Webm => "audio/webm",
            Self::Ogg => "audio/ogg",
            Self::Mp4 => "audio/mp4",
            Self::Mpeg => "audio/mpeg",
            Self::Flac => "audio/flac",
        }
    }

    /// How files of it end: transcribers go by that.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Webm => "webm",
            Self::Ogg => "ogg",
            Self::Mp4 => "m4a",
            Self::Mpeg => "mp3",
            Self::Flac => "flac",
        }
    }

    /// The kind that a media type means, whatever its parameters (`audio/webm;codecs=opus`). Browsers have more than one name for some.
    pub fn of_media_type(text: &str) -> Option<Self> {
        let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Some(Self::Wav),
            "audio/webm" | "video/webm" => Some(Self::Webm),
            "audio/ogg" | "application/ogg" => Some(Self::Ogg),
            "audio/mp4" | "audio/x-m4a" | "audio/m4a" => Some(Self::Mp4),
            "audio/mpeg" | "audio/mp3" => Some(Self::Mpeg),
            "audio/flac" | "audio/x-flac" => Some(Self::Flac),
            _ => None,
        }
    }

    /// What bytes begin as (<https://mimesniff.spec.whatwg.org/#matching-an-audio-or-video-type-pattern>, for FLAC RFC 9639 section 6).
    fn sniffed(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Webm),
            [b'O', b'g', b'g', b'S', 0, ..] => Some(Self::Ogg),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            [b'I', b'D', b'3', ..] => Some(Self::Mpeg),
            // The synchronisation of a frame, of any layer but the reserved one.
            [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some(Self::Mpeg),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            _ => None,
        }
    }
}

impl fmt::Display for AudioKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.media_type())
    }
}

/// A recording that may be transcribed. Kept in memory for that time only.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    bytes: Vec<u8>,
    kind: AudioKind,
    duration: Option<Millis>,
}

/// Shows the size only.
impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({} bytes of {})", self.bytes.len(), self.kind)
    }
}

impl Recording {
    /// Takes bytes that are said to be audio of this kind. A wave file tells how long it is; of the others the transcriber does.
    ///
    /// # Errors
    /// They are no audio, of another kind, too many or too long.
    pub fn parse(bytes: Vec<u8>, kind: AudioKind, limits: DictationLimits) -> Result<Self, RecordingError> {
        if bytes.len() > limits.max_bytes {
            return Err(RecordingError::TooLarge { max_bytes: limits.max_bytes });
        }
        let found = AudioKind::sniffed(&bytes).ok_or(RecordingError::NotAudio)?;
        if found != kind {
            return Err(RecordingError::OtherKind { said: kind, found });
        }
        let duration = match kind {
            AudioKind::Wav => Some(wave_duration(&bytes).ok_or(RecordingError::NotAudio)?),
            AudioKind::Webm | AudioKind::Ogg | AudioKind::Mp4 | AudioKind::Mpeg | AudioKind::Flac => None,
        };
        check_duration(duration, limits)?;
        Ok(Self { bytes, kind, duration })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they are.
    pub fn kind(&self) -> AudioKind {
        self.kind
    }

    /// How long it is, where it tells by itself.
    pub fn duration(&self) -> Option<Millis> {
        self.duration
    }

    /// Names it without repeating it.
    pub fn digest(&self) -> Digest {
        Digest::of_bytes(&self.bytes)
    }
}

/// Whether a recording of this length may be transcribed, as far as its length is known.
pub(super) fn check_duration(
    duration: Option<Millis>,
    limits: DictationLimits,
) -> Result<(), RecordingError> {
    match duration {
        Some(lasts) if lasts > limits.max_duration => {
            Err(RecordingError::TooLong { lasts, max: limits.max_duration })
        }
        Some(_) | None => Ok(()),
    }
}

/// How long a wave file is: what its chunk `data` holds, by the bytes a second of its chunk `fmt `. `None` for one without them.
fn wave_duration(bytes: &[u8]) -> Option<Millis> {
    let mut rest = bytes.get(12..)?;
    let mut bytes_per_second = None;
    loop {
        let (head, after) = rest.split_at_checked(8)?;
        let length = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        if head.starts_with(b"data") {
            // A recorder that could not go back to write the length leaves a made-up one.
            let held = u64::try_from(length.min(after.len())).ok()?;
            return held.checked_mul(1000)?.checked_div(bytes_per_second?).map(Millis);
        }
        if head.starts_with(b"fmt ") {
            bytes_per_second = Some(u64::from(u32::from_le_bytes(after.get(8..12)?.try_into().ok()?)))
                .filter(|rate| *rate > 0);
        }
        // Chunks begin at even places.
        rest = after.get(length.checked_add(length % 2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: DictationLimits = DictationLimits { max_bytes: 100_000, max_duration: Millis(2_000) };

    /// A wave file of 8000 bytes a second.
    fn wave(data: usize, before: &[u8]) -> Vec<u8> {
        let mut bytes =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0".to_vec();
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&u32::try_from(data).unwrap().to_le_bytes());
        bytes.resize(bytes.len() + data, 0x80);
        bytes
    }

    fn parsed(bytes: &[u8], kind: AudioKind) -> Result<Option<Millis>, RecordingError> {
        Recording::parse(bytes.to_vec(), kind, LIMITS).map(|recording| recording.duration())
    }

    #[test]
    fn a_wave_file_tells_how_long_it_is() {
        assert_eq!(parsed(&wave(8_000, b""), AudioKind::Wav), Ok(Some(Millis(1_000))));
        assert_eq!(parsed(&wave(16_000, b"LIST\x03\0\0\0abc\0"), AudioKind::Wav), Ok(Some(Millis(2_000))));
        let long = parsed(&wave(16_008, b""), AudioKind::Wav).unwrap_err();
        assert_eq!(long, RecordingError::TooLong { lasts: Millis(2_001), max: Millis(2_000) });
        let mut unfinished = wave(8_000, b"");
        let place = unfinished.len() - 8_004;
        unfinished[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parsed(&unfinished, AudioKind::Wav), Ok(Some(Millis(1_000))), "a made-up length");
        for cut in [12, 20, 30, 40] {
            assert_eq!(parsed(&wave(8, b"")[..cut], AudioKind::Wav), Err(RecordingError::NotAudio), "{cut}");
        }
        let mut still = wave(8, b"");
        still[28..32].fill(0);
        assert_eq!(parsed(&still, AudioKind::Wav), Err(RecordingError::NotAudio), "no bytes a second");
    }

    #[test]
    fn bytes_have_to_begin_as_what_they_are_said_to_be() {
        let begins: [(AudioKind, &[u8]); 7] = [
            (AudioKind::Wav, &wave(8, b"")),
            (AudioKind::Webm, b"\x1a\x45\xdf\xa3rest"),
            (AudioKind::Ogg, b"OggS\0rest"),
            (AudioKind::Mp4, b"\0\0\0\x1cftypM4A "),
            (AudioKind::Mpeg, b"ID3\x04rest"),
            (AudioKind::Mpeg, b"\xff\xfb\x90\x00"),
            (AudioKind::Flac, b"fLaC\0"),
        ];
        for (kind, bytes) in begins {
            assert!(parsed(bytes, kind).is_ok(), "{kind}");
            let other = if kind == AudioKind::Ogg { AudioKind::Flac } else { AudioKind::Ogg };
            assert_eq!(parsed(bytes, other), Err(RecordingError::OtherKind { said: other, found: kind }));
        }
        let pages: [&[u8]; 5] = [b"", b"<html>", b"{\"a\":1}", b"\xff\xd8\xff\xe0JFIF", b"\x89PNG\r\n"];
        for bytes in pages {
            assert_eq!(parsed(bytes, AudioKind::Wav), Err(RecordingError::NotAudio), "{bytes:?}");
        }
        let large = vec![0; LIMITS.max_bytes + 1];
        assert_eq!(parsed(&large, AudioKind::Wav), Err(RecordingError::TooLarge { max_bytes: 100_000 }));
    }

    #[test]
    fn a_media_type_is_known_by_its_name_alone() {
        for kind in AudioKind::ALL {
            assert_eq!(AudioKind::of_media_type(kind.media_type()), Some(kind));
        }
        assert_eq!(AudioKind::of_media_type("Audio/WebM; codecs=opus"), Some(AudioKind::Webm));
        assert_eq!(AudioKind::of_media_type("audio/x-wav"), Some(AudioKind::Wav));
        for other in ["", "audio", "audio/*", "application/json", "audio/wav2"] {
            assert_eq!(AudioKind::of_media_type(other), None, "{other}");
        }
    }

    #[test]
    fn a_recording_never_shows_what_it_holds() {
        let recording = Recording::parse(wave(8, b""), AudioKind::Wav, LIMITS).unwrap();
        assert_eq!(format!("{recording:?}"), "Recording(52 bytes of audio/wav)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), wav in any::<bool>()) {
            if wav {
                bytes.splice(0..0, *b"RIFF\0\0\0\0WAVE");
            }
            for kind in AudioKind::ALL {
                let _ = Recording::parse(bytes.clone(), kind, LIMITS);
            }
        }
    }
}
