/* Stands in for libFuzzer where there is none: each file of the folders named, once. */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_SIZE_MAX (1u << 20)

static int replay_file(const char *path)
{
	/* In memory of exactly its size, so that a sanitizer sees a read past the end. */
	static uint8_t text[INPUT_SIZE_MAX];
	FILE *file = fopen(path, "rb");
	if (!file)
		return -1;
	size_t size = fread(text, 1, sizeof text, file);
	fclose(file);
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	for (size_t i = 0; i < size; i++)
		exact[i] = text[i];
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

static int replay_folder(const char *folder)
{
	char path[4096];
	int count = 0;
	DIR *entries = opendir(folder);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (replay_file(path) < 0) {
			perror(path);
			exit(1);
		}
		count++;
	}
	if (entries)
		closedir(entries);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++)
		count += replay_folder(argv[i]);
	printf("%d inputs replayed\n", count);
	return count ? 0 : 1;
}
