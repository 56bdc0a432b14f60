//! Speech to text over HTTP, as OpenAI's `POST /audio/transcriptions` takes and answers it
//! (<https://platform.openai.com/docs/api-reference/audio/createTranscription>). Servers that run Whisper themselves answer alike, so that
//! recordings need not leave the house.
//!
//! **Architecture invariant:** nothing is decided here: how much may be said, and what becomes of the words, is said by
//! `countersign_usecases::voice`. A recording goes out in one bounded exchange, and is kept nowhere.
//!
//! Deliberately absent: repeating an exchange (whoever spoke is there, and does), streams of partial words, translation, and prompts.

mod answer;
mod exchange;
mod form;
mod transcriber;

pub use transcriber::{OpenAiTranscriber, OptionsError, ResponseFormat, SttOptions};
