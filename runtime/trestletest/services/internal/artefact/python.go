package artefact

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

//go:embed python/requirements.txt
var pythonRequirements string

// Python returns the python command of a virtual environment that has what
// python/requirements.txt lists.
var Python = once("the Python environment", func(ctx context.Context) (string, error) {
	return virtualEnv(ctx, "python", pythonRequirements)
})

//go:embed python/judges.txt
var judgeRequirements string

// PythonJudges returns the python command of a virtual environment that has what python/judges.txt lists.
var PythonJudges = once("the Python environment of judges", func(ctx context.Context) (string, error) {
	return virtualEnv(ctx, "python-judges", judgeRequirements)
})

//go:embed python/confluent.txt
var confluentRequirements string

// PythonConfluent returns the python command of a virtual environment that has what python/confluent.txt lists.
var PythonConfluent = once("Confluent's Python client", func(ctx context.Context) (string, error) {
	return virtualEnv(ctx, "python-confluent", confluentRequirements)
})

//go:embed python/aws.txt
var awsRequirements string

// PythonAWS returns the python command of a virtual environment that has what python/aws.txt lists.
var PythonAWS = once("moto, a server that does as AWS does", func(ctx context.Context) (string, error) {
	return virtualEnv(ctx, "python-aws", awsRequirements)
})

// virtualEnv returns the python command of a virtual environment with the given
// requirements. Its scripts do not run, as they name the folder in which it was
// made: use python -m.
func virtualEnv(ctx context.Context, name, requirements string) (string, error) {
	python3, err := exec.LookPath("python3")
	if err != nil {
		return "", errors.New("python3 is not on PATH")
	}
	// The environment points to its interpreter: with another one, make another.
	interpreter, err := process.Run(ctx, exec.Command(python3, "-c", "import sys; print(sys.executable, sys.version)"))
	if err != nil {
		return "", err
	}
	dir, err := cached(name, requirements+interpreter, func(dir string) error {
		list := filepath.Join(dir, "requirements.txt")
		if err := os.WriteFile(list, []byte(requirements), 0o644); err != nil {
			return err
		}
		python, wheels := pythonIn(dir), WheelsOf(pythonIn(dir))
		for _, args := range [][]string{
			{python3, "-m", "venv", filepath.Join(dir, "venv")},
			{python, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--requirement", list, "--dest", wheels},
			{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links", wheels, "--requirement", list},
			{python, "-m", "pip", "check", "--disable-pip-version-check"},
		} {
			cmd := exec.Command(args[0], args[1:]...)
			// What a caller's shell says about Python is not about this environment.
			cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=", "PIP_USER=0", "PIP_TARGET=")
			if _, err := process.Run(ctx, cmd); err != nil {
				return err
			}
		}
		return nil
	})
	return pythonIn(dir), err
}

// WheelsOf returns the folder that the packages of an environment were installed
// from, so that others can be made from it without network.
func WheelsOf(python string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(python))), "wheels")
}

func pythonIn(dir string) string { return filepath.Join(dir, "venv", "bin", "python") }
