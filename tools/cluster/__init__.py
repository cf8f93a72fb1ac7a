"""Where a cluster is observed from: live API, dump, bundle, transcript, files. Every one yields a Snapshot with coverage."""
