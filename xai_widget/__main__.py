"""`python -m xai_widget`: what `xai-widget` does, where scripts are not on the PATH."""

from xai_widget.cli import main

if __name__ == "__main__":
    main()
