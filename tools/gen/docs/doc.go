// Package docs writes a catalog of events for people to read: what each event is, its fields with their rules in words,
// an example, its topic, who publishes and consumes it, what answers it and where it goes when it fails.
//
// The content is built once, as pages of blocks (headings, facts, tables, code), and rendered twice: as HTML that works
// from a folder without network or server, and as Markdown for a repository. Nothing in either depends on the time, the
// machine or the order in which schemas are given. All text of the schemas is escaped.
package docs

// Index is the name of the first page in a format's extension: "index.html", "README.md".
func Index(ext string) string {
	if ext == ".md" {
		return "README" + ext
	}
	return "index" + ext
}
