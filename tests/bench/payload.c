/* SPDX-License-Identifier: Apache-2.0 */
/* What every contender runs: nothing, as fast as that can be done. */
int main(void)
{
	return 0;
}
