"""Documents for people, made of frames and charts: files of figures and tables, study reports."""
