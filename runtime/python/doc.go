// Package python is where Go tries trestle-runtime, the Python package in this folder: what one side encrypts the other reads, with the same keys.
package python
