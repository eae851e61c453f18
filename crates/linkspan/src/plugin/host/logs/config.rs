//! How much of what plugins say is kept.

/// How much of what a plugin says is kept, for all its instances together unless said otherwise.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogConfig {
    /// Most entries. The oldest go first. Default: 4,096.
    pub max_entries: usize,
    /// Most bytes of all entries together. Default: 1 MiB.
    pub max_bytes: usize,
    /// Longest line or record, in bytes; more of it is cut off. Default: 8,192.
    pub max_line_bytes: usize,
    /// Lines in each second that are kept of stdout, of stderr and of records, of each instance, in
    /// the long run; others are counted. Default: 1,000.
    pub lines_per_second: u32,
    /// Lines that may come at once after a pause. Default: 2,000.
    pub burst_lines: u32,
    /// Bytes of stderr of each instance that are kept for when it crashes, however fast they come.
    /// Default: 16,384.
    pub tail_bytes: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            max_entries: 4_096,
            max_bytes: 1 << 20,
            max_line_bytes: 8_192,
            lines_per_second: 1_000,
            burst_lines: 2_000,
            tail_bytes: 16 * 1024,
        }
    }
}
