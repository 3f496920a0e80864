"""What scans and checks print: text, SARIF, JUnit and a page to read."""
