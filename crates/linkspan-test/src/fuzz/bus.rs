//! What native clients of the bus and a broker say to each other.

/// Decodes `data` after its first byte, which says as what: operations, records, receipts, headers,
/// and the maps of requests and answers.
///
/// - What was decoded is encoded to the bytes that it was decoded from, or, if it is a map, to one that
///   decodes to the same.
/// - Headers that were accepted are all found.
pub fn bus(data: &[u8]) {
    linkspan::bus::probe(data);
}
