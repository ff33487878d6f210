//! The Python module: conversions only.

mod command;
mod engine;
mod event;
mod logs;

use pyo3::prelude::*;

/// The native module. See `python/roomline/_engine.pyi`.
#[pymodule]
mod _engine {
    #[pymodule_export]
    use super::command::Command;
    #[pymodule_export]
    use super::engine::{BindError, Engine, EngineConfig, EngineError};
    #[pymodule_export]
    use super::event::{Event, Path, Section, Stats};
    #[pymodule_export]
    use super::logs::{log_records, start_logging};
}
