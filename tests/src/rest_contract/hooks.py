# What schemathesis sends as recordings: it makes no audio by itself. The stand-in for a transcriber hears the same words in all of them.
import schemathesis
from hypothesis import strategies as st

WAVE = (
    b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    b"\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x40\x06\x00\x00"
)

RECORDINGS = {
    "audio/wav": st.binary(min_size=1600, max_size=1600).map(lambda sound: WAVE + b"\x00\x01" + sound[2:]),
    "audio/webm": st.binary(max_size=200).map(lambda rest: b"\x1a\x45\xdf\xa3" + rest),
    "audio/ogg": st.binary(max_size=200).map(lambda rest: b"OggS\x00" + rest),
    "audio/mp4": st.binary(max_size=200).map(lambda rest: b"\x00\x00\x00\x1cftypM4A " + rest),
    "audio/mpeg": st.binary(max_size=200).map(lambda rest: b"ID3\x04" + rest),
    "audio/flac": st.binary(max_size=200).map(lambda rest: b"fLaC" + rest),
}

for name, recordings in RECORDINGS.items():
    schemathesis.openapi.media_type(name, recordings)
