//! `name=value` on the command line.

use std::collections::HashMap;
use std::str::FromStr;

/// What was given.
pub(crate) struct Arguments(HashMap<String, String>);

impl Arguments {
    /// Reads words of the form `name=value`.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let pairs = words.map(|word| match word.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(format!("{word} is not NAME=VALUE")),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// A value, which must be there.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let text = self.0.get(name).ok_or_else(|| format!("{name}=… is missing"))?;
        text.parse().map_err(|_| format!("{name}={text} can't be read"))
    }

    /// Whether something was asked for.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value == "1")
    }
}
