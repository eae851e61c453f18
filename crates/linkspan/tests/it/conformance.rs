//! One suite over every transport.

use linkspan_test::conformance_suite;

conformance_suite!(memory, Memory;
    echo, large, many, slow_reader, slow_writer, peer_killed, server_stops_in_order,
);

#[cfg(unix)]
conformance_suite!(unix, Unix;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);

#[cfg(unix)]
conformance_suite!(unix_through_interprocess, UnixInterprocess;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);

#[cfg(unix)]
conformance_suite!(unix_through_threads, UnixLegacy;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);

// There is no half close: a pipe is written or read by both ends, or by none.
#[cfg(windows)]
conformance_suite!(pipe, Pipe;
    echo, large, many, slow_reader, slow_writer, peer_killed, server_killed, server_stops_in_order,
    connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender,
);

#[cfg(windows)]
conformance_suite!(pipe_through_interprocess, PipeInterprocess;
    echo, large, many, slow_reader, slow_writer, peer_killed, server_killed, server_stops_in_order,
    connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender,
);

conformance_suite!(tcp, Tcp;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender,
);

// Only there can a test take a process's descriptors away.
#[cfg(unix)]
conformance_suite!(tcp_without_descriptors, Tcp; descriptor_exhaustion);

conformance_suite!(websocket, WebSocket;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender,
);

// Only there can a test take a process's descriptors away.
#[cfg(unix)]
conformance_suite!(websocket_without_descriptors, WebSocket; descriptor_exhaustion);

#[cfg(feature = "tls")]
conformance_suite!(tls, Tls;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender,
);

#[cfg(all(unix, feature = "tls"))]
conformance_suite!(unix_tls, UnixTls;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);

// Only there can a test take a process's descriptors away.
#[cfg(all(unix, feature = "tls"))]
conformance_suite!(tls_without_descriptors, Tls; descriptor_exhaustion);

#[cfg(feature = "tls")]
conformance_suite!(websocket_tls, WebSocketTls;
    echo, large, many, slow_reader, slow_writer, server_stops_in_order, connection_limit,
);
