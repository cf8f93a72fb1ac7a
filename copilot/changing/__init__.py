"""One guarded change from words to outcome. It joins the judge, the reading hands and, when changes are on, the writer."""
