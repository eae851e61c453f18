//! One suite over every transport.

use linkspan_test::conformance_suite;

conformance_suite!(memory, Memory;
    echo, large, many, slow_reader, slow_writer, peer_killed, server_stops_in_order,
);

conformance_suite!(unix, Unix;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);

conformance_suite!(tcp, Tcp;
    echo, large, many, slow_reader, slow_writer, half_close, peer_killed, server_killed,
    server_stops_in_order, connection_limit, silent_client, idle_begun_frame, unread_answers,
    broken_frames_harm_only_their_sender, descriptor_exhaustion,
);
