from samelook.cli import main

main()
