//! A client for programs without a runtime.
